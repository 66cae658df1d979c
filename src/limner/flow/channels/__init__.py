"""Station 9: granted decisions go out as messages, each once.

`limner.flow.channels.deliver.deliver` is the verb; `base` the contract of a channel kind; `content` compiles and
renders the words of an offer.
"""
