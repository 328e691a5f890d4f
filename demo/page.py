"""Prints headings, commands and answers: with colours on a terminal, as plain text elsewhere."""

import os
import sys
import textwrap

INDENT = "    "
COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def is_terminal():
    return sys.stdout.isatty()


def paint(text, *colours):
    if not is_terminal() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    codes = ";".join(COLOURS[colour] for colour in colours)
    return "\x1b[" + codes + "m" + text + "\x1b[0m"


def say(text=""):
    print(text, flush=True)


def complain(text):
    print(text, file=sys.stderr, flush=True)


def heading(text):
    say()
    say(paint(text, "bold"))


def paragraph(text):
    say(textwrap.fill(text, 88))


def command(text):
    """Prints a command without indentation, so that it can be copied without leading spaces."""
    say()
    say(paint(text, "cyan"))
    say()


def answer(response, shorten):
    """Prints an answer: status line, headers, body."""
    colour = "green" if response.status < 400 else "red"
    say(INDENT + paint(response.status_line, colour, "bold"))
    for name, value in response.headers:
        say(INDENT + paint(name + ": ", "dim") + shorten(value))
    say()
    for line in response.text.splitlines():
        line = INDENT + shorten(line)
        say(paint(line, "green") if '"x-jwt-' in line.lower() else line)


def verdict(expected, complaint):
    say()
    if complaint is None:
        say(INDENT + paint("✓ " + expected, "green"))
    else:
        say(INDENT + paint("✗ expected: " + expected + "; actual: " + complaint, "red"))


def tail(lines):
    for line in lines:
        complain(INDENT + line)
