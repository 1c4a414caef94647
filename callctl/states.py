"""The states of the US and the provinces of Canada: ISO 3166-2 without the country, and their names."""

from __future__ import annotations

_US = """AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut, DE Delaware,
DC District of Columbia, FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa, KS Kansas,
KY Kentucky, LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota, MS Mississippi,
MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico, NY New York,
NC North Carolina, ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, RI Rhode Island,
SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VT Vermont, VA Virginia, WA Washington,
WV West Virginia, WI Wisconsin, WY Wyoming, AS American Samoa, GU Guam, MP Northern Mariana Islands, PR Puerto Rico,
VI U.S. Virgin Islands"""
_CANADA = """AB Alberta, BC British Columbia, MB Manitoba, NB New Brunswick, NL Newfoundland and Labrador,
NS Nova Scotia, NT Northwest Territories, NU Nunavut, ON Ontario, PE Prince Edward Island, QC Quebec,
SK Saskatchewan, YT Yukon"""


def _named(text: str) -> dict[str, str]:
    parts = (one.strip().partition(" ") for one in text.replace("\n", " ").split(", "))
    return {code: name for code, _, name in parts}


STATES = {"US": _named(_US), "CA": _named(_CANADA)}
"""By country (ISO 3166): code → name."""

BY_NAME = {country: {name.casefold(): code for code, name in named.items()} for country, named in STATES.items()}
BY_NAME["US"] |= {"washington d.c.": "DC", "washington dc": "DC", "washington state": "WA"}
BY_NAME["CA"] |= {"québec": "QC", "newfoundland": "NL", "yukon territory": "YT"}

OF_NUMBERS = {name: code for named in STATES.values() for code, name in named.items()} | {
    "Washington D.C.": "DC",
    "Washington State": "WA",
    "British Colombia": "BC",
}
"""As phonenumbers writes them, misprints included."""
