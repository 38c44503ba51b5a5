"""The networks that learners are made of."""
