"""The kinds of mistakes, each with the words by which a sentence that names it is known, and words that rule it out.

They are wide on purpose: what counts is that a learner who reads the sentence looks at the right place for the right
reason. A row of a table that is about a certain array asks for it by an expression of its own.
"""

from __future__ import annotations

MEAN = r"1/N|1/`|1/\d|1 ?/ ?\w+ of|mean|averag|divi[ds]|number of|batch size|count"
LOST = r"missing|left out|dropped|skipp|lacks|without|ignor|forgot|constant|not follow|lost|cut|absent|no contribution|omit"

KINDS: dict[str, tuple[str, str]] = {
    "sign": (r"sign|negat|minus|-1\b", ""),
    "mean": (MEAN, ""),  # a 1/N too few, too many, or of the wrong number
    "factor": (r"factor|twice|doubl|half|times|multipl|scale|power|square", ""),
    "transposed": (r"transpos|\.T\b|swap|exchang", ""),
    "not summed": (r"sum", ""),
    "axis": (r"ax[ie]s|dim", ""),
    "upstream": (r"upstream|chain rule|arriv|incoming", ""),
    "overwritten": (r"overwr|\+=|add|accumul|contribution|assign", ""),
    "path": (LOST + r"|contribution|path|branch|used where", ""),  # one way by which x reaches the output is left out
    "constant": (LOST, "1/N"),  # a statistic that depends on x is treated as if it did not
    "diagonal": (r"diagonal|elementwise|cross|Jacobian|off-diag|constant|contribution|" + LOST, ""),
    "derivative": (r"derivative|deriv|instead|factor", ""),  # that of another function, or missing
    "array": (
        r"instead|another array|before|after|wrong array|not the|uses|used where|taken (at|from)|evaluated|computed as",
        "",
    ),
    "mask": (r"mask|gate|where|>|<|relu|kink|active|sign of|condition|zero", ""),
    "index": (r"ind(ex|ices)|offset|shift|off by one|position|order|place|moved|roll|window|map|permut", ""),
    "scatter": (r"\+=|add\.at|repeat|duplicat|more than once|several times|accumul|add up|adds|set", ""),
    "layout": (r"reshape|transpos|order|layout|permut|head|channel", ""),
    "flip": (r"flip|revers|rotat|order", ""),
    "time": (r"time|step|last|later|recurr|earlier|previous|next|contribution|state", ""),
    "order": (r"order|before|upstream|stale|too early|not yet|arriv|contribution|later|missing", ""),
    "stale": (r"stale|old|modif|overwr|changed|before|updated|instead|in place", ""),
    "penalty": (r"regular|penalt|decay|lambda|reg\b|\blam\b|L2|times the (input|parameter)|\* ?[wW]|\*\* ?2", ""),
    "other function": (r"instead|another|different|backward pass of|gradient of|as if|derivative of", ""),
    "shape": (r"shape|keepdims|broadcast|dimension|outer|sum", ""),
    "saturated": (r"clip|satur|eps|round|clamp", ""),
}
