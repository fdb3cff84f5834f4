"""The play: five colleagues, three families, one week. Everybody is made up."""
import datetime
import re

import stage as stages

FATMA, JORIS, LIEVE = "Fatma Yıldırım", "Joris Hendrikx", "Lieve Peeters"
MARLEEN, RUBEN = "Marleen de Groot", "Ruben Asscher"
SURNAMES = {"Kievit": "Okafor-Bergsma", "Merel": "Van Rossenburg", "Zwaluw": "Dumoulin-Aksoy"}
PHASE, LEVEL = "verandering", "werkdoel"

TEXTS = {
    "goal": "Het gezin eet drie avonden per week samen aan tafel.",
    "goal_fatma": "Het gezin eet vijf avonden per week samen aan tafel, ook als oma er is.",
    "goal_joris": "Het gezin eet twee avonden samen; op dinsdag kookt de oudste zoon.",
    "goal_resolved": "Het gezin eet vier avonden samen; op dinsdag kookt de oudste zoon.",
    "visit_fatma": "Moeder vertelde dat de woonbonnen nu echt op tafel liggen.",
    "visit_joris": "Met de oudste zoon gesproken over school en over zijn kamer.",
    "agreement": "Vader belt morgen de huisarts over het slapen.",
    "safety": "De kinderen slapen bij tante tot het raam gemaakt is.",
    "visit_merel": "Kennisgemaakt met de buurvrouw die op woensdag oppast.",
    "visit_cover": "Waarneming: broer en schoonzus waren er ook, rustige middag.",
    "visit_zwaluw": "Laatste bezoek voor mijn verlof: de fiets is terecht.",
    "visit_last": "Kort gebeld: het raam wordt vrijdag gemaakt.",
    "visit_again": "Na de val van de server: dit bezoek mag er maar een keer staan.",
}


def today(days=0):
    return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()


def label(name):
    return f"laptop van {name}"


def in_an_hour():
    return (datetime.datetime.now() + datetime.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M")


class Play:
    def __init__(self, stage, facts):
        self.stage, self.check = stage, facts.check
        self.fatma, self.joris, self.lieve = (stage.device(name) for name in (FATMA, JORIS, LIEVE))
        self.marleen, self.ruben = stage.device(MARLEEN), stage.device(RUBEN)
        self.everyone = [self.fatma, self.joris, self.lieve, self.marleen, self.ruben]

    def sync(self, *devices):
        for device in devices:
            device.do("sync")

    # ---- 1 --------------------------------------------------------------------------------------
    def joins(self, device, roles):
        invitation = device.home.parent / f"{device.home.name}.invitation"
        self.marleen.do("team", "invite", "--name", device.name, "--roles", roles, "--output", str(invitation))
        text = device.do("team", "join", text=invitation.read_text())
        digits = re.search(r"\d{4}(?: \d{4}){4}", text).group(0)
        self.marleen.do("device", "approve", *digits.split(), "--device", label(device.name))
        device.do("unlock")

    def everybody_joins(self):
        self.stage.say("1. Iedereen sluit aan. De server ziet alleen versleutelde bytes.")
        code = self.stage.server.setup()
        self.stage.server.start()
        self.marleen.do("team", "create", "--server", f"http://127.0.0.1:{self.stage.cable.port}", "--name", MARLEEN,
                        "--device", label(MARLEEN), text=code + "\n")
        self.marleen.do("unlock")
        for device in (self.fatma, self.joris, self.lieve):
            self.joins(device, "coach")
        self.joins(self.ruben, "scientist")
        self.sync(*self.everyone)
        people = {row["name"] for row in self.ruben.ask("person", "list")["persons"]}
        self.check("everyone-joined", people == {FATMA, JORIS, LIEVE, MARLEEN, RUBEN}, str(people))
        devices = self.fatma.ask("device", "list")["devices"]
        self.check("everyone-sees-the-team", len(devices) == 5 and len({row["id"] for row in devices}) == 5)

        for code_name, owner in (("Kievit", self.fatma), ("Merel", self.joris), ("Zwaluw", self.lieve)):
            owner.do("family", "add", code_name, "--phase", PHASE, "--surname", SURNAMES[code_name])
        self.fatma.do("family", "assign", "Kievit", JORIS, "--function", "coach")
        self.fatma.do("goal", "add", "Kievit", "--level", LEVEL, "--deadline", today(30), text=TEXTS["goal"])
        self.sync(self.fatma, self.joris, self.lieve, *self.everyone)

    # ---- 2 and 3 --------------------------------------------------------------------------------
    def cable_out(self):
        self.stage.say("2. De kabel is eruit: elk commando draait in een netwerk met alleen `lo`.")
        coaches = (self.fatma, self.joris, self.lieve)
        self.stage.pull_cable(*coaches)
        goal = self.fatma.ask("goal", "list", "Kievit")["goals"][0]["id"]
        self.fatma.do("visit", "add", "Kievit", text=TEXTS["visit_fatma"])
        self.fatma.do("goal", "edit", goal, "--note-file", "-", text=TEXTS["goal_fatma"])
        self.joris.do("visit", "add", "Kievit", text=TEXTS["visit_joris"])
        self.joris.do("goal", "edit", goal, "--note-file", "-", text=TEXTS["goal_joris"])
        self.lieve.do("visit", "add", "Zwaluw", text=TEXTS["visit_zwaluw"])
        self.lieve.do("agreement", "add", "Zwaluw", "--who", "vader", "--due", today(1), text=TEXTS["agreement"])
        self.lieve.do("safety", "set", "Zwaluw", "worry", text=TEXTS["safety"])
        saved = self.fatma.do("visit", "list", "Kievit") + self.joris.do("visit", "list", "Kievit")
        self.check("saved-without-network", TEXTS["visit_fatma"] in saved and TEXTS["visit_joris"] in saved)
        code, _, _ = self.fatma.try_("sync")
        self.check("nothing-but-lo", code != 0)
        waiting = self.fatma.ask("status")
        self.check("status-says-it-waits", waiting["saves_unsealed"] >= 2, str(waiting))
        self.stage.plug_cable(*coaches)

    def conflict(self):
        self.stage.say("3. Synchroniseren: twee versies van een doel. Een mens kiest.")
        self.sync(self.fatma, self.joris, self.fatma, self.lieve, self.ruben)
        shown = self.ruben.do("conflicts")
        both = TEXTS["goal_fatma"] in shown and TEXTS["goal_joris"] in shown
        self.check("conflict-at-a-device-that-saw-neither", both)
        at_fatma = self.fatma.do("conflicts")
        self.check("conflict-shows-both-texts", TEXTS["goal_fatma"] in at_fatma and TEXTS["goal_joris"] in at_fatma)
        self.check("conflict-shows-who-and-when", all(name in at_fatma and name in shown for name in (FATMA, JORIS))
                   and datetime.date.today().isoformat() in at_fatma)
        self.check("conflict-shows-the-base", TEXTS["goal"] in at_fatma and TEXTS["goal"] in shown)
        visits = self.ruben.do("visit", "list", "Kievit")
        self.check("both-visits-arrived", TEXTS["visit_fatma"] in visits and TEXTS["visit_joris"] in visits)
        conflict = self.fatma.ask("conflicts")["conflicts"][0]
        self.fatma.do("resolve", conflict["id"], "--token", conflict["token"], "--take", "new",
                      text=TEXTS["goal_resolved"])
        self.sync(self.fatma, self.joris, self.ruben)
        goals = [device.ask("goal", "list", "Kievit")["goals"][0] for device in (self.fatma, self.joris, self.ruben)]
        left = [device.ask("conflicts")["conflicts"] for device in (self.fatma, self.joris, self.ruben)]
        self.check("resolution-is-everywhere", all(goal["text"] == TEXTS["goal_resolved"] for goal in goals)
                   and left == [[], [], []])
        plan = self.ruben.do("family", "show", "Zwaluw")
        self.check("agreement-and-safety-arrived", TEXTS["agreement"] in plan and TEXTS["safety"] in plan)
        code, out, err = self.joris.try_("family", "show", "Zwaluw")
        found = self.joris.do("search", "huisarts")
        self.check("stranger-sees-nothing", code != 0 and TEXTS["agreement"] not in out + err + found)

    # ---- 4 --------------------------------------------------------------------------------------
    def leave(self):
        self.stage.say("4. Joris gaat met verlof. Lieve neemt waar.")
        self.joris.do("visit", "add", "Merel", text=TEXTS["visit_merel"])
        self.joris.do("absence", "add", "--from", today(), "--until", today(14), "--kind", "leave")
        self.sync(self.joris)
        cover = self.joris.ask("cover", "start", "Merel", "--person", LIEVE, "--until", today(14))["cover"]["id"]
        self.sync(self.lieve)
        self.lieve.do("cover", "accept", cover)
        self.sync(self.lieve)
        self.stage.pull_cable(self.lieve)
        card = self.lieve.do("cover", "card", "Merel")
        self.check("cover-card-without-network", TEXTS["visit_merel"] in card and SURNAMES["Merel"] in card)
        self.lieve.do("visit", "add", "Merel", text=TEXTS["visit_cover"])
        self.stage.plug_cable(self.lieve)
        self.sync(self.lieve, self.joris)
        self.check("cover-wrote-a-visit", any(v["note"] == TEXTS["visit_cover"] and v["author"]["name"] == LIEVE
                                              for v in self.joris.ask("visit", "list", "Merel")["visits"]))
        self.joris.do("cover", "end", cover)
        self.sync(self.joris, self.lieve)
        code, out, err = self.lieve.try_("family", "show", "Merel")
        self.check("cover-ended-by-command", code != 0 and SURNAMES["Merel"] not in out + err
                   and TEXTS["visit_cover"] not in self.lieve.do("search", "schoonzus"))
        summary = self.joris.do("cover", "summary")
        self.check("summary-tells-the-owner", TEXTS["visit_cover"] in summary and LIEVE in summary)

    def cover_by_time(self):
        self.stage.say("   Een waarneming die vanzelf eindigt, op een laptop die nooit meer online komt.")
        cover = self.lieve.ask("cover", "start", "Zwaluw", "--person", JORIS, "--until", in_an_hour())["cover"]["id"]
        self.sync(self.joris)
        self.joris.do("cover", "accept", cover)
        self.sync(self.joris)
        self.stage.pull_cable(self.joris)
        card = self.joris.do("cover", "card", "Zwaluw")
        self.check("cover-by-time-reads-the-card-until-then", TEXTS["visit_zwaluw"] in card)
        self.joris.offset_ms = 2 * stages.HOUR_MS
        code, out, err = self.joris.try_("family", "show", "Zwaluw")
        self.check("cover-ended-by-time-without-network", code != 0 and TEXTS["visit_zwaluw"] not in out + err)
        found = "".join(self.joris.do("search", word) for word in ("fiets", "huisarts", "tante"))
        self.check("cover-by-time-leaves-no-words", not any(TEXTS[t] in found for t in ("visit_zwaluw", "agreement",
                                                                                        "safety")))

    # ---- 5 and 6 --------------------------------------------------------------------------------
    def illness(self):
        self.stage.say("5. Lieve wordt ziek; haar laptop is uit. De coördinator regelt waarneming via de reserve.")
        self.lieve.do("visit", "add", "Zwaluw", "--kind", "call", text=TEXTS["visit_last"])
        self.sync(self.lieve, self.marleen)
        code, out, err = self.marleen.try_("family", "show", "Zwaluw")
        self.check("coordinator-cannot-read-the-file", TEXTS["visit_last"] not in out + err
                   and SURNAMES["Zwaluw"] not in out + err)
        cover = self.marleen.ask("cover", "start", "Zwaluw", "--person", FATMA, "--until", today(7))["cover"]["id"]
        self.sync(self.fatma)
        self.fatma.do("cover", "accept", cover)
        self.sync(self.marleen)
        before = self.has_last_note(self.marleen, FATMA, "Zwaluw")
        self.check("cover-not-yet-has-the-last-note", before in ("no", "unknown"), str(before))
        self.sync(self.fatma)
        self.stage.pull_cable(self.fatma)
        card = self.fatma.do("cover", "card", "Zwaluw")
        self.check("cover-through-the-reserve", TEXTS["visit_last"] in card and TEXTS["safety"] in card)
        self.stage.plug_cable(self.fatma)

    def has_last_note(self, device, name, family):
        """What `status` answers: has this colleague's device applied the owner's last note?"""
        for row in device.ask("status")["arrivals"]:
            if (row["family"]["name"], row["person"]["name"]) == (family, name):
                return row["has_note_of_owner"]
        return None

    def caseload(self):
        self.stage.say("6. De caseload van het team, en hoe vers ieders beeld is.")
        self.sync(self.marleen)
        shown = self.marleen.do("caseload")
        self.check("caseload-is-merged", all(name in shown for name in ("Kievit", "Merel", "Zwaluw", FATMA, JORIS, LIEVE)))
        self.check("caseload-tells-freshness", len(self.marleen.ask("caseload")["colleagues"]) >= 4)
        self.marleen.do("status")
        has = self.has_last_note(self.marleen, FATMA, "Zwaluw")
        self.check("cover-has-the-last-note", has == "yes", str(has))

    # ---- 7 --------------------------------------------------------------------------------------
    def kill(self):
        self.stage.say("7. De server valt om tussen het ontvangen en het antwoord.")
        self.fatma.do("visit", "add", "Kievit", text=TEXTS["visit_again"])
        self.stage.cable.on_push = self.stage.server.kill
        code, _, _ = self.fatma.try_("sync")
        self.check("push-was-cut", code != 0 and self.stage.server.process.returncode == -9)
        self.stage.server.start()
        self.sync(self.fatma, self.ruben)
        once = [[v["note"] for v in device.ask("visit", "list", "Kievit")["visits"]].count(TEXTS["visit_again"])
                for device in (self.fatma, self.ruben)]
        waiting = self.fatma.ask("status")
        self.check("after-the-kill-everything-once", once == [1, 1] and waiting["saves_unsealed"] == 0
                   and waiting["entries_unsent"] == 0, str((once, waiting)))
        self.check("server-stops-gracefully", self.stage.server.stop() == 0)

    def run(self):
        self.everybody_joins()
        self.cable_out()
        self.conflict()
        self.leave()
        self.cover_by_time()
        self.illness()
        self.caseload()
        self.kill()
        names = [device.name for device in self.everyone]
        return [*TEXTS.values(), *SURNAMES, *SURNAMES.values(), *names, *map(label, names), PHASE, LEVEL]
