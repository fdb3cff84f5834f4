# Makes the table of a last program of this one's: without assents and participants, and so without sets.
/^    {ENTITY_ASSENT,/,/)))},$/d
s|INT(8, "withdrawn", TWIN)), /\*.*|INT(8, "withdrawn", TWIN)))},|
/UNIT(2, "participants", POLICY_SET/d
