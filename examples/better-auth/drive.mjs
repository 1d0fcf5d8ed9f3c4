// Plays what the users of an application do in a week, and says for each thing
// which events the dash() plugin reports:
//
//   E2E=1 npm start        (in another terminal: E2E=1 lets this script read the mail)
//   npm run drive
//
// With --lockstep it prints a line of JSON after each step and waits for a line
// on stdin before the next. The end-to-end test checks in these pauses what the
// plugin really sent.

import { createInterface } from "node:readline";
import { Browser } from "./browser.mjs";
import { totp } from "./totp.mjs";

const app = process.env.APP_URL ?? "http://127.0.0.1:3000";
const lockstep = process.argv.includes("--lockstep");

// Ada is the administrator and owns organizations; Bob is a member; Cyd is
// trouble. The addresses are of the networks set aside for documentation.
const ada = new Browser(app, { address: "203.0.113.7", country: "DE" });
const bob = new Browser(app, { address: "198.51.100.23" });
const bobsPhone = new Browser(app, {
  address: "2001:db8::23",
  country: "NL",
  userAgent: "Mozilla/5.0 (Android 16)",
});
const cyd = new Browser(app, { address: "192.0.2.99" });
const stranger = new Browser(app, { address: "192.0.2.200" });

const password = { ada: "correct horse", bob: "battery staple", cyd: "troubled waters" };
const id = {}; // of users, organizations, teams and invitations, by name

const credentials = (name) => ({ email: `${name}@example.com`, password: password[name] });
const signUp = async (who, name) => {
  const body = { name: name[0].toUpperCase() + name.slice(1), ...credentials(name) };
  id[name] = (await who.post("/sign-up/email", body)).user.id;
};
const signIn = (who, name) => who.post("/sign-in/email", credentials(name));
const lastMail = async () => (await (await fetch(new URL("/test/outbox", app))).json()).at(-1);
const organization = (who, action, body) => who.post(`/organization/${action}`, body);
const invite = async (email, organizationId) => {
  id.invitation = (await organization(ada, "invite-member", { email, organizationId, role: "member" })).id;
};

const signedUp = ["user_created", "account_linked", "user_signed_in", "session_created"];
const signedIn = ["user_signed_in", "session_created"];

// Each step: what happens, the events that it causes, and how to do it.
const steps = [
  ["Ada signs up", signedUp, () => signUp(ada, "ada")],
  ["Bob signs up", signedUp, () => signUp(bob, "bob")],
  ["Cyd signs up", signedUp, () => signUp(cyd, "cyd")],

  [
    "Somebody guesses Bob's password, twice the same",
    ["user_sign_in_failed", "user_sign_in_failed"],
    async () => {
      const guess = { email: "bob@example.com", password: "password1" };
      await stranger.refused(401, "/sign-in/email", guess);
      await stranger.refused(401, "/sign-in/email", guess);
    },
  ],
  [
    "Somebody tries an address that nobody has",
    ["user_sign_in_failed"],
    () => stranger.refused(401, "/sign-in/email", { email: "zoe@example.com", password: "password1" }),
  ],
  ["Bob signs in on his phone", signedIn, () => signIn(bobsPhone, "bob")],
  ["Bob signs out of his phone", ["user_signed_out"], () => bobsPhone.post("/sign-out")],

  [
    "Bob changes his name",
    ["profile_updated"],
    () => bob.post("/update-user", { name: 'Bob "Ünïcode" <Builder> 🛠' }),
  ],
  [
    "Bob changes his picture",
    ["profile_image_updated"],
    () => bob.post("/update-user", { image: "https://example.com/bob.png" }),
  ],
  [
    "Bob asks for a verification mail",
    ["email_verification_sent"],
    () => bob.post("/send-verification-email", { email: "bob@example.com" }),
  ],
  [
    "Bob verifies his address",
    ["email_verified"],
    async () => bob.get(`/verify-email?token=${(await lastMail()).token}`),
  ],
  [
    "Bob changes his password and ends his other sessions",
    ["password_changed", "session_revoked", "session_created"],
    async () => {
      const body = {
        currentPassword: password.bob,
        newPassword: "staple battery",
        revokeOtherSessions: true,
      };
      await bob.post("/change-password", body);
      password.bob = body.newPassword;
    },
  ],
  [
    "Bob forgets his password",
    ["password_reset_requested"],
    () => stranger.post("/request-password-reset", { email: "bob@example.com" }),
  ],
  [
    "Bob chooses a new password",
    ["password_reset_completed"],
    async () => {
      password.bob = "third time lucky";
      const { token } = await lastMail();
      await stranger.post("/reset-password", { newPassword: password.bob, token });
    },
  ],
  ["Bob signs in on his phone again", signedIn, () => signIn(bobsPhone, "bob")],
  [
    "Bob's phone ends his other sessions",
    ["session_revoked"],
    () => bobsPhone.post("/revoke-other-sessions"),
  ],
  ["Bob ends all his sessions", ["all_sessions_revoked"], () => bobsPhone.post("/revoke-sessions")],
  ["Bob signs in", signedIn, () => signIn(bob, "bob")],

  [
    "Cyd switches two-factor sign-in on",
    ["session_created", "session_revoked"],
    async () => {
      const on = await cyd.post("/two-factor/enable", { password: password.cyd });
      const secret = new URL(on.totpURI).searchParams.get("secret");
      await cyd.post("/two-factor/verify-totp", { code: totp(secret) });
      id.cydsBackupCode = on.backupCodes[0];
    },
  ],
  [
    "Cyd signs in with his password, the first factor",
    ["user_signed_in", "session_created", "session_revoked"],
    () => signIn(cyd, "cyd"),
  ],
  [
    "Cyd signs in with a backup code, the second factor",
    ["session_created"],
    () => cyd.post("/two-factor/verify-backup-code", { code: id.cydsBackupCode }),
  ],
  [
    "Cyd switches two-factor sign-in off",
    ["session_created", "session_revoked"],
    () => cyd.post("/two-factor/disable", { password: password.cyd }),
  ],

  [
    "Ada bans Cyd, who has two sessions, for an hour",
    ["user_banned", "session_revoked", "session_revoked"],
    () => ada.post("/admin/ban-user", { userId: id.cyd, banReason: "spam", banExpiresIn: 3600 }),
  ],
  [
    "Cyd may not sign in",
    ["user_sign_in_failed"],
    () => cyd.refused(403, "/sign-in/email", credentials("cyd")),
  ],
  ["Ada lifts the ban", ["user_unbanned"], () => ada.post("/admin/unban-user", { userId: id.cyd })],
  ["Cyd signs in", signedIn, () => signIn(cyd, "cyd")],
  [
    "Ada looks at the application as Bob",
    ["user_impersonated", "session_created"],
    () => ada.post("/admin/impersonate-user", { userId: id.bob }),
  ],
  [
    "Ada is herself again",
    ["user_impersonated_stopped", "session_revoked"],
    () => ada.post("/admin/stop-impersonating"),
  ],

  [
    "Ada founds Acme",
    ["organization_member_added", "organization_team_created", "organization_created"],
    async () => {
      id.acme = (await organization(ada, "create", { name: "Acme", slug: "acme" })).id;
    },
  ],
  [
    "Ada founds Globex",
    ["organization_member_added", "organization_team_created", "organization_created"],
    async () => {
      id.globex = (await organization(ada, "create", { name: "Globex", slug: "globex" })).id;
    },
  ],
  [
    "Ada renames Acme",
    ["organization_updated"],
    () => organization(ada, "update", { organizationId: id.acme, data: { name: "Acme Ltd" } }),
  ],
  [
    "Ada makes a team",
    ["organization_team_created"],
    async () => {
      id.team = (await organization(ada, "create-team", { name: "Night shift", organizationId: id.acme })).id;
    },
  ],
  [
    "Ada renames the team",
    ["organization_team_updated"],
    () =>
      organization(ada, "update-team", {
        teamId: id.team,
        data: { name: "Day shift", organizationId: id.acme },
      }),
  ],
  ["Ada invites Bob to Acme", ["organization_member_invited"], () => invite("bob@example.com", id.acme)],
  [
    "Bob accepts",
    ["organization_member_invite_accepted"],
    () => organization(bob, "accept-invitation", { invitationId: id.invitation }),
  ],
  ["Ada invites Cyd to Acme", ["organization_member_invited"], () => invite("cyd@example.com", id.acme)],
  [
    "Cyd rejects",
    ["organization_member_invite_rejected"],
    () => organization(cyd, "reject-invitation", { invitationId: id.invitation }),
  ],
  [
    "Ada invites a stranger to Globex",
    ["organization_member_invited"],
    () => invite("zoe@example.com", id.globex),
  ],
  [
    "Ada cancels that invitation",
    ["organization_member_invite_canceled"],
    () => organization(ada, "cancel-invitation", { invitationId: id.invitation }),
  ],
  [
    "Ada makes Bob an admin of Acme",
    ["organization_member_role_updated"],
    async () => {
      const { members } = await ada.get(`/organization/list-members?organizationId=${id.acme}`);
      const memberId = members.find((m) => m.userId === id.bob).id;
      await organization(ada, "update-member-role", { memberId, role: "admin", organizationId: id.acme });
    },
  ],
  [
    "Ada puts Bob into the team",
    ["organization_team_member_added"],
    () => organization(ada, "add-team-member", { teamId: id.team, userId: id.bob, organizationId: id.acme }),
  ],
  [
    "Ada takes Bob out of the team",
    ["organization_team_member_removed"],
    () =>
      organization(ada, "remove-team-member", { teamId: id.team, userId: id.bob, organizationId: id.acme }),
  ],
  [
    "Ada dissolves the team",
    ["organization_team_deleted"],
    () => organization(ada, "remove-team", { teamId: id.team, organizationId: id.acme }),
  ],
  [
    "Cyd joins Globex after all",
    ["organization_member_invited", "organization_member_invite_accepted"],
    async () => {
      await invite("cyd@example.com", id.globex);
      await organization(cyd, "accept-invitation", { invitationId: id.invitation });
    },
  ],
  [
    "Ada removes Cyd from Globex",
    ["organization_member_removed"],
    () =>
      organization(ada, "remove-member", { memberIdOrEmail: "cyd@example.com", organizationId: id.globex }),
  ],
  [
    "Cyd deletes his account",
    ["session_revoked", "account_unlinked", "user_deleted"],
    () => cyd.post("/delete-user", { password: password.cyd }),
  ],
];

const lines = lockstep && createInterface({ input: process.stdin })[Symbol.asyncIterator]();
for (const [name, events, act] of steps) {
  await act();
  if (lockstep) {
    console.log(JSON.stringify({ step: name, events }));
    if ((await lines.next()).done) process.exit(1);
  } else {
    console.log(`${name.padEnd(56)}${events.join(", ")}`);
  }
}
if (lockstep) {
  const visitor = (name, browser) => ({ id: id[name], cookie: browser.cookie });
  console.log(
    JSON.stringify({
      users: { ada: visitor("ada", ada), bob: visitor("bob", bob) },
      organizations: { acme: id.acme, globex: id.globex },
    }),
  );
  process.exit(0);
}
