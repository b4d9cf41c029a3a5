"""ISO 4217: how many decimals the minor unit of each currency has.

>>> EXPONENTS["EUR"], EXPONENTS["JPY"], EXPONENTS["KWD"], "XAU" in EXPONENTS
(2, 0, 3, False)

The exponents are those of the standard, not of CLDR: CLDR has 0 for HUF, IDR or IQD because cash is rounded
there, and would show an amount that differs from the one that is approved. Not here: what has no minor unit
(metals, units of account, the code for no currency).

A code may be added; none may go and none may change, because a policy that names it has to load for as long
as it stands in a log.
"""

from typing import Final

_TWO = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR
    MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD
    XCG YER ZAR ZMW ZWG
"""
_OTHERS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

EXPONENTS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO.split(), 2),
    **{code: exponent for exponent, codes in _OTHERS.items() for code in codes.split()},
}
"""Code to number of decimals: an amount in minor units is divided by 10 to this power."""
