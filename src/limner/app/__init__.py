"""The keeper: opens the stores, joins the stations, offers the verbs."""
