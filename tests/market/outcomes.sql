, costs as (select "货号" as item, "成本" as cost from {items}),
gains as (
  select member_no, paid + coupon - cost as margin, case when code like '{codes}%' then coupon else 0 end as used, 1 as orders
  from bought join costs using (item) where second >= timestamptz '{decided}' and second < timestamptz '{end}'
  union all
  select r.member_no, cost - r.paid, 0, 0 from returned r join costs using (item)
  where r.second >= timestamptz '{decided}' and r.second < timestamptz '{end}'
    and exists (select 1 from bought b where b.member_no = r.member_no and b.second >= timestamptz '{decided}' and b.second < r.second))
select member_no, sum(margin)::double as margin, sum(used)::double as used, sum(orders) as orders from gains group by 1 having sum(orders) > 0
