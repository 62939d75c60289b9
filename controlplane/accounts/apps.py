from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out


class AccountsConfig(AppConfig):
    name = "controlplane.accounts"

    def ready(self) -> None:
        from controlplane.accounts.services.sessions import session_ended, session_started

        user_logged_in.connect(session_started)
        user_logged_out.connect(session_ended)
