package block

// dictionaryText is the s2 dictionary of short sub-blocks: what the events of the
// dash plugin and of Better Auth Studio have in common, the most frequent last. It is
// part of format version 1. Never change it.
//
// It starts as most rows do, since an s2 block begins as if it had just copied from there.
const dictionaryText = `{"userId":"` +
	`","visitorId":"","outcome":"blocked","evaluatedChecks":["compromised_password","credential_stuffing",` +
	`"email_validity","free_trial_abuse","server_security_check"],"reason":"identification_required",` +
	`"path":"/sign-in/email","details":{"type":"","action":"challenged","attempts":` +
	`Security: blockedsecurity_checksecurity_signal` +
	`"teamId":"","teamName":"","userid":"","inviteeId":"","inviteeEmail":"","inviteeRole":"member",` +
	`"inviteeTeamId":null,"inviterId":"","inviterName":"","inviterEmail":"` +
	`"acceptedById":"","acceptedByEmail":"","acceptedByName":"` +
	`"impersonatedBy":"","impersonatedById":"` +
	`"banned":true,"banReason":"","banExpires":"2026-01-01T00:00:00.000Z"` +
	`"provider":"","isNewUser":false,"phoneNumber":"+"ip":"","method":"POST","updatedFields":{"name":"` +
	`organization_member_invitedorganization_team_member_addedorganization_updatedOrganization ` +
	`organization_member_addedMember added to organization` +
	`United KingdomGermanyFranceNetherlandsSpainItalyIndiaJapanBrazilCanadaAustraliaPolandSwedenSwitzerlandUnited States` +
	`BerlinParisLondonAmsterdamMadridNew YorkSan Francisco` +
	`Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0` +
	`Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36` +
	`Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1` +
	`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15` +
	`Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0` +
	`password_reset_requestedPassword reset requestedpassword_changedPassword changedemail_verifiedEmail verified` +
	`email_verification_sentVerification email sentprofile_updatedProfile updatedall_sessions_revokedAll sessions revoked` +
	`"updatedFields":["name"]account_linkedLinked credential accountuser_created signed up` +
	`user_sign_in_failedUser sign-in attempt faileduser_signed_outUser signed out` +
	`session_createdSession createduser_signed_inSigned in via email` +
	`{"organizationId":"","organizationSlug":"","organizationName":"","userId":"","memberName":"","role":"member","memberId":"","memberEmail":"` +
	`@gmail.com","triggeredBy":"","triggerContext":"organization"}` +
	`{"email":"","name":"","accountId":"","providerId":"credential","triggeredBy":"unknown","triggerContext":"admin"}` +
	`{"userId":"","userEmail":"@gmail.com","userName":"","userEmail":"","sessionId":"","loginMethod":"email","userAgent":"Mozilla/5.0 (` +
	`","loginMethod":"unknown","triggeredBy":"","triggerContext":"user"}`
