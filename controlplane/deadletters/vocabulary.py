"""Why a record becomes a dead letter, in words. In the order in which they are judged."""

from __future__ import annotations

from spark_jobs.contracts import MAX_FUTURE_SECONDS, MAX_PAYLOAD_BYTES, DeadLetterReason

WHEN: dict[DeadLetterReason, str] = {
    DeadLetterReason.EMPTY: "the value is null or has no bytes",
    DeadLetterReason.TOO_LARGE: f"the value has more than {MAX_PAYLOAD_BYTES:,} bytes",
    DeadLetterReason.NOT_UTF8: "the bytes are not UTF-8",
    DeadLetterReason.MALFORMED_JSON: "not JSON, not an object, more behind the object, or nested too deeply",
    DeadLetterReason.MISSING_FIELD: "a required field is absent, null or an empty string",
    DeadLetterReason.WRONG_TYPE: "a number where a string belongs, or the reverse; anything else in either place",
    DeadLetterReason.NOT_FINITE: "the value is NaN or infinite",
    DeadLetterReason.NO_OFFSET: "the time has no offset from UTC",
    DeadLetterReason.BAD_TIMESTAMP: "the time is not ISO-8601, or names no moment",
    DeadLetterReason.FUTURE_TIMESTAMP: f"the time is more than {MAX_FUTURE_SECONDS} s after Kafka's own",
    DeadLetterReason.WRONG_KEY: "the Kafka key is missing or is not the sensor_id",
}
