"""Default instructions of a new project: the meaning of the ratings after PRM800K's published
instructions (Lightman et al. 2023, appendix), in our own words and with our own examples."""

TEXT = r"""
Read one solution, a step at a time. Rate each step **given the steps before it**: would a careful person
write this step here?

## The ratings

### Positive

The step is correct, can be checked in about half a minute, follows from the steps before, and makes
progress. A sensible idea that does not work out in the end still counts.

> *A triangle has angles of $50^\circ$ and $60^\circ$. What is the third?*
>
> "The angles add up to $180^\circ$, so the third is $180^\circ - 50^\circ - 60^\circ = 70^\circ$."

### Neutral

The step is correct and reasonable, but repeats something or adds nothing.

> "So the third angle is $70^\circ$, as we found."

### Negative

The step does any of these:

- contains an error, even if a later step would repair it
- is off topic, or gibberish
- cannot be followed, or cannot be checked without redoing the work
- leads to an obvious dead end, or in circles
- refers to a picture or a link that is not there
- gives an incomplete final answer, even if its number is correct

> "$180^\circ - 110^\circ = 80^\circ$."
>
> "From the figure we see that the triangle is isosceles." (There is no figure.)

### Flag

You can't tell, because these instructions do not cover the step. This is rare, and a researcher reviews
every flag. Leave a note on the step to say what is unclear.

## Substance over nitpicks

A slip in wording that misleads nobody is not an error. If you would have done it differently but the
step works, it is positive.

> "Let $x$ be the the number of apples." The doubled word changes nothing: not negative.
>
> "Let $x$ be the number of apples", and then $x$ is used for pears: negative.

## Other ways to finish

- **Bad problem**: the problem needs something that is not shown, states something false that confuses the
  question, asks for nothing definite, or has four or more parts.
- **Give up**: you cannot label it. Say why in a few words. Do not use it for bad problems or bad solutions.

A **wrong reference answer is not a bad problem**: rate the steps. A researcher corrects the reference.
""".strip()
