"""Find what is wrong with an installation, and say in one line each what to do.

`findings` is what is said, `patient` what is looked at; the checks are by subject; `bundle`
packs what somebody else needs to help, `redaction` takes out what is nobody's business.
"""
