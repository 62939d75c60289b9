"""Slack, by an incoming webhook. Its address is a secret: whoever knows it may post."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from pipeline_workers.notifiers.base import Undelivered

SECONDS = 10.0
MOST_TEXT = 3000  # characters of a section, by Slack's rule
HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})


class SlackNotifier:
    """`hosts` may be named by tests alone: nothing else gets what an installation has to tell."""

    def __init__(self, webhook: str, hosts: frozenset[str] = HOSTS) -> None:
        self._webhook, self._hosts = webhook, hosts

    def send(self, subject: str, text: str) -> None:
        """Raises Undelivered; with Slack's own word where it has one."""
        told = urlsplit(self._webhook)
        if told.hostname not in self._hosts or (self._hosts is HOSTS and told.scheme != "https"):
            raise Undelivered("PENSTOCK_SLACK_WEBHOOK is no https address of Slack's incoming webhooks")
        body = {
            "text": subject,
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": subject[:150]}},
                {"type": "section", "text": {"type": "plain_text", "text": text[:MOST_TEXT]}},
            ],
        }
        try:
            answer = httpx.post(self._webhook, json=body, timeout=SECONDS, trust_env=False, follow_redirects=False)
        except httpx.HTTPError as error:
            raise Undelivered(f"Slack does not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise Undelivered(f"Slack answers {answer.status_code}: {answer.text[:200]}")
