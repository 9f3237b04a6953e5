"""Many servers as one: replicas that Ray places and watches, and a front that passes calls to them so that requests of one lane meet."""
