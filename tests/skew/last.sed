# Makes the table of a last program of this one's: without assents, and without participants, who are a set. Their table stays, for
# this program's own questions: it fills it from a unit that nobody writes.
/^    {ENTITY_ASSENT,/,/)))},$/d
s|UNIT(2, "participants", POLICY_SET|UNIT(99, "participants", POLICY_SET|
