"""Why nothing can be said, which is not the same as an imbalance."""


class Unreadable(Exception):
    """A side of the accounts cannot be counted at all; the message says which and why, in one line."""


class KafkaUnreadable(Unreadable):
    """The topic."""


class WarehouseUnreadable(Unreadable):
    """The warehouse."""
