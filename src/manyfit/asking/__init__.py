"""Questions asked in earnest: from data and options to an answer, into a folder if one is named."""

from manyfit.asking.folder import ask_again as ask_again
from manyfit.asking.functions import function_of as function_of
from manyfit.asking.inquiry import Inquiry as Inquiry
from manyfit.asking.inquiry import prepare as prepare
