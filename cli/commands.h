/* The functions behind the table of commands in main.c; each does what its line of help says. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

enum rc cmd_unlock(struct call *call) MUST_CHECK;
enum rc cmd_lock(struct call *call) MUST_CHECK;
enum rc cmd_doctor(struct call *call) MUST_CHECK;
enum rc cmd_doctor_rescue(struct call *call) MUST_CHECK; /* its --rescue */
enum rc cmd_passphrase_change(struct call *call) MUST_CHECK;
enum rc cmd_recovery_print(struct call *call) MUST_CHECK;
enum rc cmd_backup(struct call *call) MUST_CHECK;
enum rc cmd_restore(struct call *call) MUST_CHECK;
enum rc cmd_status(struct call *call) MUST_CHECK;
enum rc cmd_sees(struct call *call) MUST_CHECK; /* its --of */

enum rc cmd_team_create(struct call *call) MUST_CHECK;
enum rc cmd_team_invite(struct call *call) MUST_CHECK;
enum rc cmd_team_join(struct call *call) MUST_CHECK;
enum rc cmd_device_list(struct call *call) MUST_CHECK;
enum rc cmd_device_approve(struct call *call) MUST_CHECK;
enum rc cmd_device_revoke(struct call *call) MUST_CHECK;
enum rc cmd_person_list(struct call *call) MUST_CHECK;
enum rc cmd_person_roles(struct call *call) MUST_CHECK;

enum rc cmd_family_add(struct call *call) MUST_CHECK;
enum rc cmd_family_edit(struct call *call) MUST_CHECK;
enum rc cmd_family_list(struct call *call) MUST_CHECK;
enum rc cmd_family_show(struct call *call) MUST_CHECK;
enum rc cmd_family_assign(struct call *call) MUST_CHECK;
enum rc cmd_member_add(struct call *call) MUST_CHECK;
enum rc cmd_member_list(struct call *call) MUST_CHECK;

enum rc cmd_visit_add(struct call *call) MUST_CHECK;
enum rc cmd_visit_list(struct call *call) MUST_CHECK;
enum rc cmd_visit_show(struct call *call) MUST_CHECK;
enum rc cmd_visit_amend(struct call *call) MUST_CHECK;
enum rc cmd_visit_withdraw(struct call *call) MUST_CHECK;

enum rc cmd_goal_add(struct call *call) MUST_CHECK;
enum rc cmd_goal_edit(struct call *call) MUST_CHECK;
enum rc cmd_goal_list(struct call *call) MUST_CHECK;
enum rc cmd_agreement_add(struct call *call) MUST_CHECK;
enum rc cmd_agreement_done(struct call *call) MUST_CHECK;
enum rc cmd_agreement_list(struct call *call) MUST_CHECK;
enum rc cmd_safety_set(struct call *call) MUST_CHECK;
enum rc cmd_safety_list(struct call *call) MUST_CHECK;
enum rc cmd_standing_set(struct call *call) MUST_CHECK;
enum rc cmd_standing_list(struct call *call) MUST_CHECK;
enum rc cmd_absence_add(struct call *call) MUST_CHECK;
enum rc cmd_absence_list(struct call *call) MUST_CHECK;

enum rc cmd_cover_start(struct call *call) MUST_CHECK;
enum rc cmd_cover_accept(struct call *call) MUST_CHECK;
enum rc cmd_cover_assent(struct call *call) MUST_CHECK;
enum rc cmd_cover_list(struct call *call) MUST_CHECK;
enum rc cmd_cover_end(struct call *call) MUST_CHECK;
enum rc cmd_cover_card(struct call *call) MUST_CHECK;
enum rc cmd_cover_summary(struct call *call) MUST_CHECK;

enum rc cmd_sync(struct call *call) MUST_CHECK;
enum rc cmd_bundle_export(struct call *call) MUST_CHECK;
enum rc cmd_bundle_import(struct call *call) MUST_CHECK;

enum rc cmd_today(struct call *call) MUST_CHECK;
enum rc cmd_dismiss(struct call *call) MUST_CHECK;
enum rc cmd_caseload(struct call *call) MUST_CHECK;
enum rc cmd_conflicts(struct call *call) MUST_CHECK;
enum rc cmd_resolve(struct call *call) MUST_CHECK;
/* Of goals, agreements and members. */
enum rc cmd_delete(struct call *call) MUST_CHECK;
enum rc cmd_undelete(struct call *call) MUST_CHECK;

enum rc cmd_history(struct call *call) MUST_CHECK;
enum rc cmd_late(struct call *call) MUST_CHECK;
enum rc cmd_undo(struct call *call) MUST_CHECK;
enum rc cmd_search(struct call *call) MUST_CHECK;

#endif
