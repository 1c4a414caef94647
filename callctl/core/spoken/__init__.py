"""Values as a voice says them: digits, numbers, money, dates, times and spelled text, by language.

Pure, and by itself: it knows nothing of calls. Which sounds are needed, and their texts, too.
"""

from callctl.core.spoken.saying import NoGrammarError, currencies, grammar_of, needed, say, text_of
from callctl.core.spoken.values import Saying, UnsayableError

__all__ = ["NoGrammarError", "Saying", "UnsayableError", "currencies", "grammar_of", "needed", "say", "text_of"]
