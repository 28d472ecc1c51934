"""Execute: task + skill -> run. One module a runner; the runners come with the loop live."""
