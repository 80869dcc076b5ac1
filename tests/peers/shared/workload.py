"""The workload that all drivers play, made from a seed: the same texts, sizes and delays for each peer.

All messages are of about one size, so that a trigger in messages and a trigger in tokens are the same trigger.
"""

import json
import random

WORDS = (
    "the ferry harbour index cache commit branch tide ledger queue parser deploy metric lamp route window signal "
    "garden bridge kernel packet number before after between small large early late green salt copper north river"
).split()
TRIGGER_MESSAGES = 30
KEPT_MESSAGES = 10
MESSAGE_CHARS = (360, 440)


def text(draw: random.Random, name: str, chars: int) -> str:
    """A text of so many characters that begins with its name, so that it can be found again."""
    words = [name + ":"]
    length = len(words[0])
    while length < chars:
        word = draw.choice(WORDS)
        words.append(word)
        length += len(word) + 1
    return " ".join(words)[:chars]


def message(draw: random.Random, name: str) -> str:
    return text(draw, name, draw.randint(*MESSAGE_CHARS))


def turns(draw: random.Random, name: str, count: int) -> list[dict]:
    return [
        {"user": message(draw, f"{name}-u{n}"), "assistant": message(draw, f"{name}-a{n}")} for n in range(count)
    ]


def workload(seed: int, quick: bool) -> dict:
    """What is played: `steady` and `leisure` in one session, `crowd` in many, `losses` and `appends` on the store."""
    draw = random.Random(seed)
    return {
        "seed": seed,
        "trigger_messages": TRIGGER_MESSAGES,
        "kept_messages": KEPT_MESSAGES,
        "message_chars": sum(MESSAGE_CHARS) // 2,
        "heartbeat_ms": 20,
        "summary": text(draw, "summary", 400),
        # An agent that works: a summary takes as long as ten turns.
        "steady": {
            "turn_ms": 50,
            "think_ms": 150,
            "summary_ms": 2000,
            "turns": turns(draw, "steady", 26 if quick else 46),
        },
        # A person who reads between turns: a summary takes as long as four or five turns.
        "leisure": {
            "turn_ms": 50,
            "think_ms": 400,
            "summary_ms": 2000,
            "turns": turns(draw, "leisure", 22 if quick else 26),
        },
        # All sessions are close to the trigger and pass it with their first turns, at once.
        "crowd": {
            "sessions": 30 if quick else 300,
            "turn_ms": 50,
            "think_ms": 100,
            "summary_ms": 200 if quick else 500,
            "filled": [message(draw, f"crowd-f{n}") for n in range(TRIGGER_MESSAGES - 2)],
            "turns": turns(draw, "crowd", 4),
        },
        # The model takes long enough that all entries are appended within one turn, also where nothing is compacted.
        "losses": {
            "turn_ms": 500,
            "summary_ms": 1000,
            "filled": [message(draw, f"losses-f{n}") for n in range(TRIGGER_MESSAGES + 2)],
            "few": 4,
            "appended": [message(draw, f"appended-{n}") for n in range(5)],
            "turn": turns(draw, "losses", 1)[0],
        },
        "appends": {
            # What first appends pay is no part of the rate. Other sessions are appended to for so long before.
            "warm_up_ms": 500,
            "seconds": 1 if quick else 2,
            "writers": 64,
            # Appends of one writer, and of each of many, whose syncs are counted.
            "counted": 100,
            "counted_each": 10,
            "text": text(draw, "append", 1000),
        },
    }


def write(path: str, seed: int, quick: bool) -> None:
    with open(path, "w", encoding="ascii") as file:
        json.dump(workload(seed, quick), file, indent=1)
