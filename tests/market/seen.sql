, spend as (
  select member_no, count(distinct order_no) as orders, sum(paid) as paid,
         count(distinct order_no) filter (where second >= timestamptz '{asof}' - interval 365 day) as orders_365d,
         count(distinct order_no) filter (where second >= timestamptz '{asof}' - interval 30 day) as orders_30d,
         date_diff('day', max(second), timestamptz '{asof}') as recency_days,
         avg((paid + coupon < listed)::int) as discount_share
  from bought where second < timestamptz '{asof}' group by member_no),
back as (select member_no, sum(paid) as refunded from returned where second < timestamptz '{asof}' group by member_no),
liked as (
  select member_no, count(*) as favourites_30d from {clicks} c join {persons} using (openid)
  where event = 'favorite' and time < timestamptz '{asof}' and time >= timestamptz '{asof}' - interval 30 day group by member_no),
allowed as (
  select "会员号" as member_no, arg_max("状态", "时间") = 'granted' as sms from {consents}
  where "渠道" = 'sms' and "时间" < timestamptz '{asof}' group by 1)
select p.member_no, p.state, p.phone, coalesce(orders, 0) as orders, coalesce(orders_365d, 0) as orders_365d,
  coalesce(orders_30d, 0) as orders_30d, recency_days, discount_share, coalesce(favourites_30d, 0) as favourites_30d,
  coalesce(paid, 0) - coalesce(refunded, 0) as net_spend,
  coalesce(sms, false) and phone_listed_as not in ('excel', 'placeholder', 'empty', 'shop_phone') as reachable
from {persons} p left join spend using (member_no) left join back using (member_no)
left join liked using (member_no) left join allowed using (member_no) order by p.member_no
