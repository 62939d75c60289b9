"""Reading the accounts: in total, by hour, and what waits."""

from controlplane.ledger.selectors.accounts import accounts, as_dict
from controlplane.ledger.selectors.entries import absorbed_waiting, hour_newest, readings_by_day
from controlplane.ledger.selectors.equations import Equation, Name
from controlplane.ledger.selectors.hours import HourAccounts, accounts_by_hour, imbalances

__all__ = [
    "Equation",
    "HourAccounts",
    "Name",
    "absorbed_waiting",
    "accounts",
    "accounts_by_hour",
    "as_dict",
    "hour_newest",
    "imbalances",
    "readings_by_day",
]
