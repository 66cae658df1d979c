-- What members bought and what came back, over both sources; tickets broken on purpose are left out.
with phones as (select phone, min(member_no) as member_no from {persons} group by phone having count(*) = 1),
bought as (
  select "会员号" as member_no, "订单编号" as order_no, "商家编码" as item, "订单创建时间" as second, "实付金额" as paid,
         "券抵扣" as coupon, "宝贝单价" * "购买数量" as listed, "优惠券" as code
  from {orders} where "会员号" <> ''
  union all
  select coalesce(nullif("会员号", ''), p.member_no), "小票号", "货号", "销售时间", "实收", "券抵扣", "吊牌价" * "数量", "优惠券"
  from {pos} t left join phones p on p.phone = t."手机号"
  where "数量" > 0 and "实收" >= 0 and "货号" <> '' and "销售时间" is not null and "小票号" not like 'X%'
),
returned as (
  select "会员号" as member_no, "商家编码" as item, "退款完成时间" as second, "退款金额" as paid from {refunds} where "会员号" <> ''
  union all
  select coalesce(nullif("会员号", ''), p.member_no), "货号", "销售时间", -"实收"
  from {pos} t left join phones p on p.phone = t."手机号" where "数量" < 0
)
