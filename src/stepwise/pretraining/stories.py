"""Stories for the base models, with another world and other templates than the `word_problems` task.

A line of a table is `text | names of the numbers | name of the result`, and `| question` if the story ends there.
"""

from __future__ import annotations

from stepwise.tasks.generated.story_grammar import Grammar, Template, World
from stepwise.tasks.generated.story_templates import WORLD as TASK_WORLD

WORLD = World(
    people=(
        *TASK_WORLD.people,
        ("Sara", "she", "her"), ("Tom", "he", "his"), ("Nina", "she", "her"), ("Max", "he", "his"),
        ("Lucy", "she", "her"), ("Sam", "he", "his"),
    ),
    things=(
        *TASK_WORLD.things,
        ("pens", "pen"), ("eggs", "egg"), ("stones", "stone"), ("plates", "plate"), ("kites", "kite"), ("hats", "hat"),
    ),
    packs=(*TASK_WORLD.packs, ("crates", "crate"), ("trays", "tray")),
    efforts=(*TASK_WORLD.efforts, ("steps", "went"), ("rounds", "ran")),
    places=(*TASK_WORLD.places, "shop", "farm", "beach", "office"),
    days=TASK_WORLD.days,
)  # fmt: skip

_BECAUSE = ("That makes", "Now it is", "So there are", "This gives", "The count is", "It comes to")


def _table(op: str, needs: str, text: str, **more: object) -> tuple[Template, ...]:
    """Templates of the lines of a table; the reasons in `_BECAUSE` take turns."""
    templates = []
    for number, line in enumerate(text.strip().splitlines()):
        cells = [cell.strip() for cell in line.split("|")]
        templates.append(
            Template(
                op=op,
                text=cells[0],
                given=cells[1],
                result=cells[2] if op else "",
                because=_BECAUSE[(number + len(op)) % len(_BECAUSE)] if op else "",
                needs=needs,
                ask=cells[3] if len(cells) > 3 else "",
                **more,  # type: ignore[arg-type]
            )
        )
    return tuple(templates)


OPENINGS = (
    *_table("", "things", """
        There are {n} {unit} in the house of {name}. | {unit}_in_house
        {name} starts with {n} {unit}. | {unit}_now
        This week {name} got {n} {unit}. | {unit}_this_week
        {name} counts {n} {unit} in the {place}. | {unit}_counted
    """),
    *_table("multiply", "things", """
        {name} brings {n} {packs}, and every one of them holds {m} {unit}. | {packs} {unit}_held | {unit}_brought
        For {n} weeks {name} gets {m} {unit} a week. | weeks {unit}_per_week | {unit}_for_weeks
        {n} people give {name} {m} {unit} each. | people {unit}_per_person | {unit}_of_all
    """),
    *_table("add", "things", """
        {name} holds {n} big {unit} and {m} small {unit}. | big_{unit} small_{unit} | sum_of_{unit}
        {name} got {n} {unit} yesterday and {m} today. | {unit}_yesterday {unit}_today | {unit}_of_two_days
    """),
    *_table("subtract", "things", """
        {name} took {n} {unit} but left {m} at home. | {unit}_taken {unit}_at_home | {unit}_with_{item}
        Of {n} {unit} in the {place}, {name} takes all but {m}. | {unit}_there {unit}_left | {unit}_taken
    """),
    *_table("divide", "things", """
        From {n} {unit} {name} makes {m} equal groups and takes one of them. | {unit}_there groups | {unit}_in_group
    """),
    *_table("", "efforts", """
        In one week {name} {past} {n} {effort}. | {effort}_in_week
        {name} {past} {n} {effort} today. | {effort}_today
    """),
    *_table("multiply", "efforts", """
        {name} {past} {n} {effort} in each of {m} weeks. | {effort}_per_week weeks | {effort}_in_weeks
    """),
    *_table("", "money", """
        {name} begins with {n} dollars. | dollars_now
        There are {n} dollars in the pocket of {name}. | dollars_in_pocket
    """),
    *_table("multiply", "money", """
        {name} gets {n} dollars from each of {m} people. | dollars_per_person people | dollars_from_people
    """),
)  # fmt: skip

STEPS = (
    *_table("add", "things", """
        After that {name} receives {n} {unit}. | {unit}_received | {unit}_with_received
        {name} picks up {n} {unit} near the {place}. | {unit}_picked | {unit}_with_picked
        Later {n} more {unit} come. | {unit}_coming | {unit}_with_new
        {name} wins {n} {unit} in a game. | {unit}_won | {unit}_after_game
        {other} brings {n} {unit} to {name}. | {unit}_brought | {unit}_with_brought
    """),
    *_table("subtract", "things", """
        {name} uses {n} of them. | {unit}_used | {unit}_left
        {name} throws {n} old {unit} away. | {unit}_thrown | {unit}_good
        {other} takes {n} {unit}. | {unit}_taken | {unit}_not_taken
        {n} {unit} roll under the table. | {unit}_rolled | {unit}_in_sight
        {name} leaves {n} {unit} at the {place}. | {unit}_left_there | {unit}_brought_home
        {name} puts {n} of the {unit} back. | {unit}_put_back | {unit}_in_use
    """),
    *_table("multiply", "things", """
        Next {day} there are {n} times more. | factor | {unit}_times
        {name} makes {n} {unit} out of each one. | {unit}_out_of_one | {unit}_out_of_all
    """),
    *_table("multiply", "things", """
        Then the {unit} double. | | {unit}_twice
    """, fixed=2),
    *_table("multiply", "things", """
        {other} counts {n} times the {unit} of {name}. | factor | {unit}_of_{other}
    """, switch=True),
    *_table("add", "things", """
        {other} counts {n} {unit} more. | {unit}_extra | {unit}_of_{other}
    """, switch=True),
    *_table("subtract", "things", """
        {other} counts {n} {unit} less. | {unit}_less | {unit}_of_{other}
    """, switch=True),
    *_table("add", "things", """
        | | sum_of_{unit} | What do {rival} and {name} count, both taken as one?
    """, rival=True),
    *_table("divide", "things", """
        {name} makes {n} equal groups and takes one. | groups | {unit}_in_group
    """),
    *_table("divide", "things", """
        {name} leaves half of the {unit} there. | | half_of_{unit}
    """, fixed=2),
    *_table("divide", "things", """
        {n} {unit} go into each {pack}. | {unit}_in_{pack} | number_of_{packs}
    """, gives="packs"),
    *_table("divide", "things", """
        {n} people take the same number of {unit}. | people | {unit}_taken_by_each | How many {unit} per person is that?
        They stand in {n} equal lines. | lines | {unit}_in_line | How many {unit} stand in one line?
    """),
    *_table("subtract", "things", """
        The plan of {name} is to have {n} {unit}. | {unit}_planned | {unit}_to_go | How many {unit} are still to come?
    """, reverse=True),
    *_table("multiply", "things", """
        Every {item} brings {name} {n} dollars. | dollars_per_{item} | dollars_brought
    """, gives="money"),
    *_table("add", "money", """
        {name} gets {n} dollars from {other}. | dollars_received | dollars_with_received
        {name} finds {n} dollars. | dollars_found | dollars_with_found
    """),
    *_table("subtract", "money", """
        {name} buys a hat for {n} dollars. | dollars_for_hat | dollars_after_hat
        {name} gives {other} {n} dollars. | dollars_given | dollars_not_given
        Food costs {name} {n} dollars. | dollars_for_food | dollars_after_food
    """),
    *_table("multiply", "money", """
        Next {day} it is {n} times the money. | factor | dollars_next_{day}
    """),
    *_table("divide", "money", """
        {name} takes one of {n} equal parts of the money. | parts | dollars_in_part
    """),
    *_table("divide", "money", """
        All goes into tickets, {n} dollars for one. | dollars_for_one | tickets_taken | How many tickets is that?
    """, gives="tickets"),
    *_table("add", "efforts", """
        The day after, {name} {past} {n} {effort}. | {effort}_day_after | {effort}_of_both_days
        Then {n} {effort} follow. | {effort}_following | {effort}_so_far
    """),
    *_table("subtract", "efforts", """
        But {n} of the {effort} were wrong. | wrong_{effort} | right_{effort}
    """),
    *_table("multiply", "efforts", """
        In the end {name} {past} {n} times that. | factor | {effort}_in_end
    """),
    *_table("multiply", "efforts", """
        {other} comes to {n} times that. | factor | {effort}_of_{other}
    """, switch=True),
    *_table("add", "efforts", """
        For {other} it is {n} {effort} more. | {effort}_extra | {effort}_of_{other}
    """, switch=True),
    *_table("divide", "efforts", """
        This is for {n} days, all of them equal. | days | {effort}_each_day | How many {effort} is it for one day?
    """),
    *_table("subtract", "efforts", """
        The best one has {n} {effort}. | best_{effort} | {effort}_behind | How many {effort} is {name} behind?
    """, reverse=True),
    *_table("add", "packs", """
        {other} brings {n} {packs}. | {packs}_brought | {packs}_with_brought
    """),
    *_table("subtract", "packs", """
        {n} {packs} fall off the cart. | {packs}_fallen | {packs}_on_cart
    """),
    *_table("multiply", "packs", """
        {name} gets {n} dollars for one {pack}. | dollars_for_{pack} | dollars_for_all
    """, gives="money"),
    *_table("divide", "packs", """
        {n} people carry the {packs}, all the same number. | people | {packs}_carried | How many {packs} is it for each?
    """),
)  # fmt: skip

ASKS = {
    "things": ("How many {unit} is that?", "How many {unit} are there now?", "Count the {unit} of {name}."),
    "packs": ("How many {packs} is that?", "How many {packs} are there now?"),
    "money": ("How many dollars is that?", "How many dollars are there now?"),
    "efforts": ("How many {effort} is that?", "How many {effort} are there now?"),
}

DISTRACTORS = (
    Template("", "{name} has to wait {n} minutes."),
    Template("", "{other} holds {n} {thing}."),
    Template("", "{n} people go to the {place}."),
    Template("", "The {place} is open for {n} days."),
)

BASE = Grammar(WORLD, OPENINGS, STEPS, ASKS, DISTRACTORS)
