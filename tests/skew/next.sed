# Makes the table of a next program of this one's: an entity, a unit under a policy of its own (least.c), two fields more.
s|TEXT(4, "holder"), SLUG(5, "status", TWIN)),|TEXT(4, "holder"), SLUG(5, "status", TWIN), TEXT(6, "why"), INT(7, "stars", TWIN)),|
s|UNIT(2, "level", POLICY_LAST, SLUG(1, "level", 0)))},|UNIT(2, "level", POLICY_LAST, SLUG(1, "level", 0)),\
           UNIT(3, "weight", (enum policy)7, SLUG(1, "weight", 0)))},|
s|^};$|    {90, "letter", STREAM_FILE, true, false, "sent",\
     UNITS(UNIT(1, "letter", POLICY_KEEP, TEXT(1, "text"), SLUG(2, "state", TWIN), DATE(3, "sent", TWIN)))},\
&|
