"""Bringing a list of messages from elsewhere into the shape of a tree. No recursion: trees are deep."""

from collections.abc import Mapping, Sequence

from pluma_tui.core.chat import Message


def parents_first(messages: Sequence[Message]) -> list[Message]:
    """The same messages, each after its parent, else in the order given.

    Those whose parents go round in a circle, or are not there, are left out.
    """
    waiting: dict[str, list[Message]] = {}
    ordered: list[Message] = []
    placed: set[str] = set()
    for message in messages:
        if message.parent is not None and message.parent not in placed:
            waiting.setdefault(message.parent, []).append(message)
            continue
        ready = [message]
        while ready:
            one = ready.pop()
            ordered.append(one)
            placed.add(one.id)
            ready += reversed(waiting.pop(one.id, ()))
    return ordered


def chosen_head(messages: Sequence[Message], chosen: Mapping[str, bool]) -> str | None:
    """The end of the chosen path, from what is said of single messages. Parents stand before children.

    At each fork the way goes to a child that is chosen, else to one with something chosen below it, else,
    if nobody said that all of them are not, to the last one.
    """
    children: dict[str | None, list[str]] = {}
    for message in messages:
        children.setdefault(message.parent, []).append(message.id)
    weight = {message.id: 2 if chosen.get(message.id) else 0 for message in messages}
    for message in reversed(messages):
        if message.parent is not None and weight[message.id]:
            weight[message.parent] = max(weight[message.parent], 1)
    head = None
    while head in children:
        way = max(reversed(children[head]), key=weight.__getitem__)
        if not weight[way] and any(one in chosen for one in children[head]):
            break
        head = way
    return head
