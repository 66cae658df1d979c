-- How far the messages of an experiment's granted customers came, by channel.
-- experiment: text
SELECT channel, count(*) AS granted, count_if(is_handed_over) AS sent, count_if(is_delivered) AS delivered,
  count_if(is_opened) AS opened, count_if(is_clicked) AS clicked, count_if(is_converted) AS converted,
  sum(revenue) AS revenue, sum(contact_cost + benefit) AS cost
FROM outcomes
WHERE experiment = :experiment AND arm = 'granted'
GROUP BY channel
ORDER BY granted DESC, channel
