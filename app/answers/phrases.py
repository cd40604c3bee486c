"""PURE: answers that a sentence announces: "The answer is 5.", "Final Answer: The final answer is $12$.
I hope it is correct.", "答案：40". All patterns have bounded repeats."""

from __future__ import annotations

import re

LONGEST_VALUE = 400
MOST_MARKERS = 20
MOST_BLANKS = 5
KEYWORDS = ("answer", "option", "choice", "respuesta", "resposta", "antwort")
NO_ANSWER = re.compile(
    r"(?:that|not|arrived|obtained|found|correct|reasonable|verified|consistent|unique|valid|clear)\b", re.I
)
MARKER = re.compile(
    r"\b(?:(?:final|correct|right)[ \t]{1,3})?(?:answer|option|choice)\b(?:[ \t]\([^()\n]{1,30}\))?"
    r"[*_`:]{0,4}[ \t]{0,3}(?:(?:to|of|for)[ \t]the[ \t](?:problem|question)[ \t]{0,3})?"
    r"(?:(?:is|are|equals|=|:|：|would be|should be|will be|must be|comes out to)(?:[ \t]{0,3}[:：])?"
    r"|(?=[.][*_]{2}))"
    r"|(?:最终|最終)?的?(?:正确|正確)?(?:答案|答え|解答|正解)"
    r"(?:应该|應該)?(?:是|为|為|爲|は|[:：])(?:[ \t]?[:：])?"
    r"|(?:^|(?<=\n))[ \t]{0,8}(?:答|解)[:：]"
    r"|故?(?:应|應)?(?:选|選)(?:择|擇)?[:：]?(?=[ \t]{0,3}[(（]?[A-J])"
    r"|(?:최종 )?(?:정답|답)(?:은|:)"
    r"|\b(?:respuesta|réponse|resposta)(?: final| finale)? (?:es|est|é)\b|\bAntwort (?:ist|lautet)\b|Ответ ?:"
    r"|الجواب(?: النهائي)?(?: هو)? ?:?|الإجابة(?: النهائية)?(?: هي)? ?:?",
    re.I,
)
PLAIN = re.compile(
    r"^[ \t]{0,8}\*{0,2}(?:final )?answer\*{0,2}[ \t]{1,8}"
    r"(\$[^$\n]{1,200}\$|[-+]?[\d.,/]{0,40}\d)[ \t]{0,8}\.?$",
    re.I | re.M,
)
FORMULA = re.compile(
    r"^[ \t]{0,8}\*{0,2}(?:final )?answer\*{0,2}\s{1,8}"
    r"(\$\$[^$]{1,300}\$\$|\$[^$]{1,300}\$|\\\([^$]{1,300}?\\\)|\\\[[^$]{1,300}?\\\])\s{0,4}\.?\s{0,4}$",
    re.I | re.M,
)
MATH = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
STOP = re.compile(
    r"(?<!\bvs)(?<!\bft)(?<!\bsq)(?<!\b[ap])(?<!\.m)[.!?](?=\s|$|\*\*|['\"”])|[。！？\n]"
    r"|,?[ \t](?:because|since|which|where|I hope|as (?:we|it|the)|so (?:the|we|it))\b|です|입니다|이다",
    re.I,
)
CONDITION = re.compile(r"\b(?:if|when|where|unless|not)\b", re.I)
LEAD = re.compile(r"(?:therefore|thus|simply|just|given by|equal to),?[ \t]+", re.I)
CLOSED_SENTENCE = re.compile(r"[*_`\s.,;:。、]+$")


def find_phrase(text: str) -> tuple[int, str] | None:
    """The position of the last phrase that announces an answer, and the answer."""
    has_word = "nswer" in text or "NSWER" in text
    plain = [match for pattern in (PLAIN, FORMULA) for match in pattern.finditer(text) if has_word]
    last = max(plain, key=re.Match.start, default=None)
    best = (last.start(), last[1]) if last else None
    for marker in _last_markers(text):
        if best is not None and marker.start() < best[0]:
            return best
        value = read_value(text[marker.end() : marker.end() + LONGEST_VALUE + 200])
        if value and not MARKER.match(value) and not NO_ANSWER.match(value):
            return marker.start(), value
    return best


def _last_markers(text: str) -> list[re.Match[str]]:
    """The last markers, the very last first. ASCII text is searched for its keywords only, which takes a
    tenth of the time."""
    if not text.isascii():
        return list(MARKER.finditer(text))[: -MOST_MARKERS - 1 : -1]
    lower, places = text.lower(), set[int]()
    for keyword in KEYWORDS:
        at = len(text)
        for _ in range(MOST_MARKERS):
            at = lower.rfind(keyword, 0, at)
            if at < 0:
                break
            places.add(at)
    matches = (MARKER.match(text, at) for at in sorted(places, reverse=True)[:MOST_MARKERS])
    return [marker for marker in matches if marker is not None]


def read_value(rest: str) -> str | None:
    """The value at the beginning of `rest`: formulas whole, up to the end of the sentence."""
    rest = rest.lstrip(" \t*_`:：.")
    if not rest.strip():
        return None
    if rest.startswith("\n"):
        rest = rest.lstrip().lstrip("*_` ")
        if rest.startswith("#"):
            return None
    value = rest[: _sentence_end(rest)]
    value = CLOSED_SENTENCE.sub("", value[:LONGEST_VALUE])
    value = value.strip("*_` ").removeprefix('\\"').removesuffix('\\"').strip()
    lead = LEAD.match(value)
    value = value[lead.end() if lead else 0 :]
    return _end_of_sentence(value) or None


def _end_of_sentence(value: str) -> str:
    """What a whole sentence behind the marker says: "The largest $n$ is 34"."""
    head, verb, tail = value.rpartition(" is ") if " is " in value else value.rpartition(" are ")
    if CONDITION.search(head):
        return value
    plain = verb and tail.count(" ") < MOST_BLANKS and re.search(r"[\d$\\]", tail)
    return tail if plain and len(re.findall(r"[A-Za-z]{2,}", head)) > 1 else value


def _sentence_end(rest: str) -> int:
    """The first end of a sentence that is not inside a formula."""
    at = 0
    while at < len(rest):
        for opening, closing in MATH:
            if rest.startswith(opening, at):
                end = rest.find(closing, at + len(opening))
                if end >= 0:
                    at = end + len(closing)
                    break
        else:
            if STOP.match(rest, at):
                return at
            at += 1
    return len(rest)
