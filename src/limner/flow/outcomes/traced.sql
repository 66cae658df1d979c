-- Each decision once per trace of its customer.
-- wanted: table
SELECT w.decision, l.trace, w.moment, w.until_at, w.goal, w.coupon, w.benefit, w.arm
FROM wanted AS w
JOIN links AS l ON l.number = w.number
