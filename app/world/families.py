"""The families of problems: collections, shopping, journeys (stories of several steps) and
equations. Each writes one problem from a seeded source of chance; sizes grow with the level."""

from __future__ import annotations

import random

from app.world.problem import Problem, Story

PEOPLE = "Ada Bela Carl Dina Emil Fara Gus Hana Ivo Jana Kim Lars Mina Noor Otto Pia Rosa Sam Tara Umar"
NAMES = PEOPLE.split()
THINGS = ("apples", "marbles", "stamps", "shells", "stickers", "cards", "coins", "pencils")
GOODS = {"notebook": 4, "pen": 2, "lamp": 23, "book": 12, "mug": 7, "poster": 9, "basket": 16, "kite": 18}
LEVELS = ("1", "2", "3")


def collections(chance: random.Random, level: int) -> Story:
    """Who has how many: chains of "3 times as many as", "8 fewer than", then a total,
    a difference, or shares. Now and then someone is there who does not matter."""
    story, thing = Story(), chance.choice(THINGS)
    people = chance.sample(NAMES, 2 + level)
    labels = [f"{name}'s {thing}" for name in people]
    story.given(labels[0], f"{people[0]} has {{}} {thing}.", chance.randrange(6, 20 + 15 * level))
    for place in range(1, len(people)):
        before = chance.randrange(place)
        _relation(chance, story, people, labels, place, before, thing)
    kind = chance.choice(["total", "difference", "bags"])
    if kind == "difference":
        more, fewer = sorted(labels[-2:], key=lambda label: -story[label])
        asked = f"the difference between {more} and {fewer}"
        story.derived(asked, "", "-", more, fewer)
        who, whom = more.split("'")[0], fewer.split("'")[0]
        return _ask(story, f"How many more {thing} does {who} have than {whom}?")
    together = _running_total(story, people, labels, thing)
    if kind == "total":
        return _ask(story, f"How many {thing} do they have altogether?")
    sizes = [size for size in (3, 4, 5, 6, 7, 8, 9) if story[together] % size == 0]
    size = chance.choice(sizes or [0])
    story.derived("the number of bags", "", "/", together, size)
    return _ask(story, f"They put all their {thing} into bags of {size}. How many bags do they fill?")


def _relation(
    chance: random.Random,
    story: Story,
    people: list[str],
    labels: list[str],
    place: int,
    before: int,
    thing: str,
) -> None:
    who, whom, known = people[place], people[before], labels[before]
    kind = chance.choice(["times", "more", "fewer", "half"])
    if kind == "half" and story[known] % 2 == 0:
        story.derived(labels[place], f"{who} has half as many {thing} as {whom}.", "/", known, 2)
    elif kind == "times":
        by = chance.randrange(2, 6)
        story.derived(labels[place], f"{who} has {by} times as many {thing} as {whom}.", "*", known, by)
    elif kind == "fewer" and story[known] > 5:
        by = chance.randrange(3, story[known] - 1)
        story.derived(labels[place], f"{who} has {by} fewer {thing} than {whom}.", "-", known, by)
    else:
        by = chance.randrange(3, 40)
        story.derived(labels[place], f"{who} has {by} more {thing} than {whom}.", "+", known, by)


def _running_total(story: Story, people: list[str], labels: list[str], thing: str) -> str:
    so_far = labels[0]
    for place in range(1, len(people)):
        named = people[: place + 1]
        together = ", ".join(f"{name}'s" for name in named[:-1]) + f" and {named[-1]}'s {thing} together"
        if place == len(people) - 1:
            together = f"all {thing} together"
        story.derived(together, "", "+", so_far, labels[place])
        so_far = together
    return so_far


def shopping(chance: random.Random, level: int) -> Story:
    """Prices, pieces, what it costs, and the change."""
    story, who = Story(), chance.choice(NAMES)
    goods = chance.sample(sorted(GOODS), 1 + level)
    for each in goods:
        price = GOODS[each] + chance.randrange(0, 6)
        story.given(f"the price of one {each}", f"One {each} costs {{}} dollars.", price)
    costs = []
    for each in goods:
        pieces = chance.randrange(2, 6 + 2 * level)
        cost = f"the cost of the {each}s"
        story.derived(cost, f"{who} buys {pieces} {each}s.", "*", pieces, f"the price of one {each}")
        costs.append(cost)
    so_far = costs[0]
    for place, cost in enumerate(costs[1:], 2):
        together = "the whole bill" if place == len(costs) else f"the cost of the first {place} kinds"
        story.derived(together, "", "+", so_far, cost)
        so_far = together
    kind = chance.choice(["change", "friends", "bill"])
    if kind == "bill" and level > 1:
        return _ask(story, f"How many dollars does {who} pay?")
    bill = story[so_far]
    shares = [each for each in (2, 3, 4, 5, 6) if bill % each == 0]
    if kind == "friends" and shares:
        by = chance.choice(shares)
        story.derived("the share of each friend", "", "/", so_far, by)
        return _ask(story, f"{by} friends split the bill equally. How many dollars does each pay?")
    note = next(each for each in (50, 100, 200, 500, 1000) if each > bill)
    story.derived("the change", "", "-", note, so_far)
    return _ask(story, f"{who} pays with a {note}-dollar note. How many dollars of change come back?")


def journeys(chance: random.Random, level: int) -> Story:
    """Legs at a speed, how far in all, how far is left."""
    story, vehicle = Story(), chance.choice(["train", "bus", "ship", "truck"])
    legs = []
    for place in range(1, 2 + level):
        nth = ("first", "second", "third", "fourth")[place - 1]
        speed, hours = chance.randrange(12, 60 + 15 * level), chance.randrange(2, 4 + 2 * level)
        story.given(
            f"the speed on the {nth} leg",
            f"On the {nth} leg of its way, a {vehicle} goes {{}} kilometres an hour."
            if place == 1
            else f"On the {nth} leg it goes {{}} kilometres an hour.",
            speed,
        )
        leg = f"the length of the {nth} leg"
        story.derived(leg, f"That leg takes {hours} hours.", "*", f"the speed on the {nth} leg", hours)
        legs.append(leg)
    so_far = legs[0]
    for place, leg in enumerate(legs[1:], 2):
        together = "the whole distance" if place == len(legs) else f"the distance after {place} legs"
        story.derived(together, "", "+", so_far, leg)
        so_far = together
    if chance.random() < 0.5:
        far = story[so_far] + chance.randrange(20, 300)
        story.derived("the distance left", "", "-", far, so_far)
        return _ask(story, f"The whole way is {far} kilometres. How many kilometres are left after that?")
    story.derived("the distance there and back", "", "*", 2, so_far)
    return _ask(story, "Then it goes the same way back. How many kilometres does it go in all?")


def _ask(story: Story, question: str) -> Story:
    story.question = question
    return story


def equation(chance: random.Random, name: str, level: int) -> Problem:
    """a(x + b) + c = d, with a second x on the right from level 2 on; x is a whole number."""
    x, a, b = chance.randrange(2, 13), chance.randrange(2, 8), chance.randrange(1, 10)
    c, e = chance.randrange(2, 20), chance.randrange(1, a) if level > 1 else 0
    sign = chance.choice([1, -1]) if level > 1 else 1
    left = a * (x + sign * b) + c
    text = f"{a}(x {'+' if sign > 0 else '-'} {b}) + {c} = "
    rest = left - e * x
    if e:
        text += f"{'' if e == 1 else e}x {'+' if rest >= 0 else '-'} {abs(rest)}"
    else:
        text += str(left)
    statement = f"Solve for $x$: ${text}$."
    return Problem(name, "equations", str(level), statement, x, equation=text)


STORIES = {"collections": collections, "shopping": shopping, "journeys": journeys}


def story(family: str, chance: random.Random, name: str, level: int) -> Problem:
    """A problem of a story family; tries again where a number would come out crooked."""
    while True:
        try:
            told = STORIES[family](chance, level)
        except (ValueError, ZeroDivisionError):
            continue
        sentences = [
            each.said.format(each.value) if each.operation == "given" else each.said
            for each in told.quantities
            if each.said
        ]
        if told.quantities[-1].value > 5_000:
            continue
        return Problem(
            name,
            family,
            str(level),
            " ".join([*sentences, told.question]),
            told.quantities[-1].value,
            tuple(told.quantities),
        )
