"""Generated secrets, one maker a kind, and the writings in which a log may carry them."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
URLSAFE = ALNUM + "-_"
HEX = "0123456789abcdef"
BASE64 = ALNUM + "+/"
SALT = b"0123456789abcdef"


def pick(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choices(alphabet, k=size))


def with_digit(rng: random.Random, alphabet: str, size: int) -> str:
    """Real generators give a digit nearly always; the rest is a matter of luck that the seed should not decide."""
    return pick(rng, alphabet, size - 2) + rng.choice("23456789") + rng.choice("bcdfgh")


def uuid(rng: random.Random) -> str:
    return "-".join(pick(rng, HEX, n) for n in (8, 4, 4, 4, 12))


def key_block(rng: random.Random, label: str) -> str:
    body = "\n".join(pick(rng, BASE64, 64) for _ in range(12))
    return f"-----BEGIN {label}-----\n{body}\n{pick(rng, BASE64, 30)}==\n-----END {label}-----"


Maker = Callable[[random.Random], str]
# kind of the test -> how one is made; where a tuple, the second gives the words around it (`{}` = the secret).
KINDS: dict[str, Maker | tuple[Maker, str]] = {
    "anthropic": lambda r: f"sk-ant-api03-{pick(r, URLSAFE, 93)}AA",
    "anthropic-oauth": lambda r: f"sk-ant-oat01-{pick(r, URLSAFE, 86)}-AAAA",
    "openai": lambda r: f"sk-{with_digit(r, ALNUM, 20)}T3BlbkFJ{pick(r, ALNUM, 20)}",
    "openai-project": lambda r: f"sk-proj-{with_digit(r, URLSAFE, 74)}T3BlbkFJ{pick(r, URLSAFE, 74)}",
    "openai-service": lambda r: f"sk-svcacct-{with_digit(r, URLSAFE, 74)}",
    "openrouter": lambda r: f"sk-or-v1-{pick(r, HEX, 64)}",
    "aws-access-key": lambda r: f"AKIA{pick(r, string.ascii_uppercase + '234567', 16)}",
    "aws-session-key": lambda r: f"ASIA{pick(r, string.ascii_uppercase + '234567', 16)}",
    "aws-secret-key": (lambda r: with_digit(r, BASE64, 40), "AWS_SECRET_ACCESS_KEY={}"),
    "aws-secret-ini": (lambda r: with_digit(r, BASE64, 40), "aws_secret_access_key = {}"),
    "github": lambda r: f"gh{r.choice('pousr')}_{pick(r, ALNUM, 36)}",
    "github-pat": lambda r: f"github_pat_{pick(r, ALNUM, 22)}_{pick(r, ALNUM, 59)}",
    "gitlab": lambda r: f"glpat-{pick(r, URLSAFE, 20)}",
    "slack": lambda r: f"xox{r.choice('bp')}-{pick(r, '123456789', 12)}-{pick(r, '12345', 13)}-{pick(r, ALNUM, 24)}",
    "slack-webhook": lambda r: (
        f"https://hooks.slack.com/services/T{pick(r, UPPER, 8)}/B{pick(r, UPPER, 10)}/{pick(r, ALNUM, 24)}"
    ),
    "stripe": lambda r: f"{r.choice('sr')}k_live_{pick(r, ALNUM, 24)}",
    "google-api": lambda r: f"AIza{pick(r, URLSAFE, 35)}",
    "google-oauth": lambda r: f"ya29.{pick(r, URLSAFE, 120)}",
    "private-key": lambda r: key_block(r, r.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY"])),
    "gcp-service-account": (lambda r: key_block(r, "PRIVATE KEY"), '{{"private_key": {json}}}'),
    "azure-storage": (
        lambda r: pick(r, BASE64, 86) + "==",
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core",
    ),
    "npm": lambda r: f"npm_{pick(r, ALNUM, 36)}",
    "pypi": lambda r: f"pypi-AgEIcHlwaS5vcmc{pick(r, URLSAFE, 150)}",
    "huggingface": lambda r: f"hf_{pick(r, string.ascii_letters, 34)}",
    "twilio": lambda r: f"{r.choice(['SK', 'AC'])}{pick(r, HEX, 32)}",
    "sendgrid": lambda r: f"SG.{pick(r, URLSAFE, 22)}.{pick(r, URLSAFE, 43)}",
    "mailgun": lambda r: f"key-{pick(r, HEX, 32)}",
    "jwt": lambda r: f"eyJhbGciOiJIUzI1NiJ9.eyJ{pick(r, URLSAFE, 60)}.{pick(r, URLSAFE, 43)}",
    "basic-auth": (lambda r: with_digit(r, ALNUM, 14), "postgres://app:{}@db.internal:5432/main"),
    "bearer": (lambda r: with_digit(r, ALNUM, 40), "Authorization: Bearer {}"),
    "bearer-lower": (lambda r: with_digit(r, URLSAFE, 40), "-H 'authorization: bearer {}'"),
    "basic-header": (lambda r: with_digit(r, ALNUM, 28), "Authorization: Basic {}"),
    "password": (lambda r: with_digit(r, ALNUM + "!#%^*", 14), 'password = "{}"'),
    "password-env": (lambda r: with_digit(r, ALNUM, 16), "DB_PASSWORD={} psql"),
    "password-yaml": (lambda r: with_digit(r, ALNUM, 16), "  password: {}\n  port: 1"),
    "api-key": (lambda r: with_digit(r, ALNUM, 32), 'api_key: "{}"'),
    "client-secret": (lambda r: with_digit(r, ALNUM, 32), '"client_secret": "{}"'),
    "token-shell": (lambda r: with_digit(r, HEX, 40), "export CI_TOKEN='{}'"),
    "token-option": (lambda r: with_digit(r, ALNUM, 32), "deploy --token {} --yes"),
    "discord": lambda r: f"M{pick(r, ALNUM, 23)}.{pick(r, URLSAFE, 6)}.{pick(r, URLSAFE, 38)}",
    "telegram": (lambda r: f"{pick(r, '123456789', 10)}:AA{pick(r, URLSAFE, 33)}", "bot {} started"),
    "digitalocean": lambda r: f"dop_v1_{pick(r, HEX, 64)}",
    "databricks": lambda r: f"dapi{pick(r, HEX, 32)}",
    "linear": lambda r: f"lin_api_{pick(r, ALNUM, 40)}",
    "atlassian": lambda r: f"ATATT3xFfGF0{pick(r, URLSAFE, 170)}={pick(r, HEX.upper(), 8)}",
    "heroku": lambda r: f"HRKU-{uuid(r)}",
    "heroku-bare": (uuid, "HEROKU_API_KEY={}"),
    "groq": lambda r: f"gsk_{pick(r, ALNUM, 52)}",
    "shopify": lambda r: f"shpat_{pick(r, HEX, 32)}",
    "vault": lambda r: f"hvs.{pick(r, URLSAFE, 90)}",
    "grafana": lambda r: f"glsa_{pick(r, ALNUM, 32)}_{pick(r, HEX, 8)}",
    "docker": lambda r: f"dckr_pat_{pick(r, URLSAFE, 27)}",
}


def sentence(kind: str, rng: random.Random) -> tuple[str, str]:
    """(secret, a text that carries it)"""
    maker = KINDS[kind]
    if isinstance(maker, tuple):
        secret = maker[0](rng)
        return secret, maker[1].format(secret, json=json.dumps(secret))
    secret = maker(rng)
    return secret, f"I found this in the settings:\n{secret}\nand used it."
