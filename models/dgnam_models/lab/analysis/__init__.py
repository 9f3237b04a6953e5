"""What a network's layers are worth, after Zeiler & Fergus 2013: measured in process, a file for each."""
