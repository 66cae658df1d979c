-- What became of the messages handed over, by plan and channel.
SELECT plan_id, channel, count(*) AS granted, count_if(is_handed_over) AS sent,
  count_if(is_handed_over AND is_delivered) AS delivered, count_if(is_handed_over AND is_opened) AS opened,
  count_if(is_handed_over AND is_clicked) AS clicked, count_if(is_handed_over AND is_converted) AS ordered,
  sum(contact_cost + benefit) AS cost
FROM outcomes
WHERE arm = 'granted'
GROUP BY plan_id, channel
ORDER BY plan_id, channel
