-- What became of the messages handed over, by plan and channel.
SELECT plan_id, channel, count(*) AS granted, cast(count_if(is_handed_over) AS bigint) AS sent,
  cast(count_if(is_handed_over AND is_delivered) AS bigint) AS delivered, cast(count_if(is_handed_over AND is_opened) AS bigint) AS opened,
  cast(count_if(is_handed_over AND is_clicked) AS bigint) AS clicked, cast(count_if(is_handed_over AND is_converted) AS bigint) AS ordered,
  sum(contact_cost + benefit) AS cost
FROM outcomes
WHERE arm = 'granted'
GROUP BY plan_id, channel
ORDER BY plan_id, channel
