"""Jobs: sets of pictures that outlive calls, clients and servers."""
