"""What a campaign is for: conversion, revenue and money, per customer of each arm."""

from __future__ import annotations

from typing import ClassVar

from limner.flow.measures.base import Arm, Unit, metric
from limner.maths.lift import Estimate, mean, proportion


@metric("conversion")
class Conversion:
    """Share of customers who reached the goal inside the window."""

    unit: ClassVar[Unit] = "share"
    flags: ClassVar[tuple[str, ...]] = ("is_converted",)
    amounts: ClassVar[tuple[str, ...]] = ()
    products: ClassVar[tuple[tuple[str, str], ...]] = ()
    bound: ClassVar[float | None] = None

    def compare(self, treated: Arm, control: Arm, *, level: float) -> Estimate | None:
        """Difference of two shares."""
        return proportion(treated.sums["is_converted"], control.sums["is_converted"], level=level)


class _PerCustomer:
    """A mean per customer, those without orders included."""

    unit: ClassVar[Unit] = "money"
    flags: ClassVar[tuple[str, ...]] = ()
    amounts: ClassVar[tuple[str, ...]]
    products: ClassVar[tuple[tuple[str, str], ...]] = ()
    bound: ClassVar[float | None] = None

    def compare(self, treated: Arm, control: Arm, *, level: float) -> Estimate | None:
        """Difference of two means; None below two customers an arm."""
        if min(treated.customers, control.customers) < 2:
            return None
        column = self.amounts[0]
        return mean(treated.sums[column], control.sums[column], level=level)


@metric("revenue")
class Revenue(_PerCustomer):
    """Money paid for goods inside the window, before returns."""

    amounts: ClassVar[tuple[str, ...]] = ("revenue",)


@metric("money")
class Money(_PerCustomer):
    """Margin − benefits of all redeemers − contact cost: what the campaign is worth."""

    amounts: ClassVar[tuple[str, ...]] = ("money",)
