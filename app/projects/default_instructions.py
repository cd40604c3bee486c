"""What a new project tells its labelers until its admin writes better: the meaning of the
ratings after PRM800K's published instructions (Lightman et al. 2023, appendix), in our own
words and with our own examples."""

TEXT = r"""
You read one solution, a step at a time. Judge each step **given what came before it**: is it something a
careful person would write down here?

## The ratings

### Great

Right, checkable in about half a minute, fits what came before, and moves the solution on.
A sensible idea that does not work out in the end still counts.

> *A triangle has angles of $50^\circ$ and $60^\circ$. What is the third?*
>
> "The angles add up to $180^\circ$, so the third is $180^\circ - 50^\circ - 60^\circ = 70^\circ$."

### Okay

Right and reasonable, but it repeats, stalls, or adds nothing.

> "So the third angle is $70^\circ$, as we found."

### Bad

Any of these:

- wrong anywhere, even if a later step would repair it
- off the topic, or gibberish
- cannot be followed, or not checked without doing the work anew
- runs into an obvious dead end, or in circles
- leans on a picture or a link that is not there
- gives a final answer that is incomplete, even if its number is right

> "$180^\circ - 110^\circ = 80^\circ$."
>
> "From the figure we see that the triangle is isosceles." (There is no figure.)

### Can't tell

What these rules do not cover. Rare; somebody looks at every one. Leave a note on the step to say
what is unclear.

## Substance over nitpicks

A slip in wording that throws nobody off is not an error. If you would have gone another way but
this one works, it is great.

> "Let $x$ be the the number of apples." The doubled word changes nothing: not bad.
>
> "Let $x$ be the number of apples", and then $x$ is used for pears: bad.

## Ways out

- **Bad problem**: it needs something not shown, states something false that confuses the question,
  asks for nothing definite, or has four or more parts.
- **Give up**: you cannot judge it. Say why in a few words. Not for bad problems or bad solutions.

A **wrong reference answer is not a bad problem**: rate the steps. The reference gets corrected.
""".strip()
