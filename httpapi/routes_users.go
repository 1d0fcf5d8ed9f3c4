package httpapi

import "dashd/eventlog"

// userRoutes is a part of the route table.
func (s *Server) userRoutes() []route {
	table := append(s.userReadRoutes(), s.userChangeRoutes()...)
	return append(append(table, s.sessionRoutes()...), s.twoFactorRoutes()...)
}

func (s *Server) userReadRoutes() []route {
	return []route{
		{
			method: "GET", pattern: "/dash/users", scope: usersRead, handle: s.listUsers, section: "4",
			aliases: []string{"GET /dash/list-users"},
		},
		{
			method: "GET", pattern: "/dash/users/online-count", scope: usersRead, handle: s.onlineCount, section: "4",
			aliases: []string{"GET /dash/online-users-count"},
		},
		{method: "GET", pattern: "/dash/user", scope: usersRead, handle: s.showUserDetail, section: "4"},
		{method: "GET", pattern: "/dash/export-users", scope: exports, handle: s.exportUsers, section: "17"},
		{method: "POST", pattern: "/dash/check-user-exists", scope: usersRead, handle: s.checkUserExists, section: "17"},
		{method: "POST", pattern: "/dash/send-verification-email", scope: usersWrite, handle: s.sendVerificationEmail, section: "17", feature: EmailVerification, present: sends},
		{method: "POST", pattern: "/dash/send-many-verification-emails", scope: usersWrite, handle: s.sendVerificationEmails, section: "17", feature: EmailVerification, present: sends},
		{method: "POST", pattern: "/dash/send-reset-password-email", scope: usersWrite, handle: s.sendResetEmail, section: "17", present: sends},
	}
}

func (s *Server) userChangeRoutes() []route {
	deletion := []eventlog.Type{
		eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped, eventlog.AccountUnlinked, eventlog.OAuthUnlinked,
		eventlog.MemberRemoved, eventlog.UserDeleted,
	}
	ban := []eventlog.Type{eventlog.UserBanned, eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped}
	return []route{
		{
			method: "POST", pattern: "/dash/user", scope: usersWrite, handle: s.createUser, section: "4",
			aliases: []string{"POST /dash/create-user"}, command: "UserCreate", anyTarget: true,
			events: []eventlog.Type{eventlog.UserJoined, eventlog.AccountLinked, eventlog.MemberAdded},
		},
		{
			method: "PATCH", pattern: "/dash/user", scope: usersWrite, handle: s.updateUser, section: "4",
			aliases: []string{"POST /dash/update-user"}, command: "UserUpdate",
			events: []eventlog.Type{eventlog.UserUpdated, eventlog.UserImageUpdated, eventlog.UserEmailVerified, eventlog.UserEmailChanged},
		},
		{
			method: "DELETE", pattern: "/dash/user", scope: usersWrite, handle: s.deleteUser, section: "4",
			aliases: []string{"POST /dash/delete-user"}, command: "UserDelete", events: deletion, bodyOptional: true,
		},
		{
			method: "POST", pattern: "/dash/delete-many-users", scope: usersWrite, handle: s.deleteUsers, section: "17",
			command: "UsersDelete", events: deletion, bodyOptional: true,
		},
		{
			method: "POST", pattern: "/dash/user/ban", scope: usersWrite, handle: s.banUser, section: "4",
			aliases: []string{"POST /dash/ban-user"}, command: "UserBan", events: ban, feature: Admin, whenOff: success,
		},
		{
			method: "POST", pattern: "/dash/ban-many-users", scope: usersWrite, handle: s.banUsers, section: "17",
			command: "UsersBan", events: ban, feature: Admin,
		},
		{
			method: "POST", pattern: "/dash/user/unban", scope: usersWrite, handle: s.unbanUser, section: "4",
			aliases: []string{"POST /dash/unban-user"}, command: "UserUnban", events: []eventlog.Type{eventlog.UserUnbanned},
			bodyOptional: true, feature: Admin, whenOff: success,
		},
		{
			method: "POST", pattern: "/dash/user/password", scope: usersWrite, handle: s.setPassword, section: "4",
			aliases: []string{"POST /dash/set-password"}, command: "UserPassword",
			events: []eventlog.Type{eventlog.AccountLinked, eventlog.UserPasswordChanged, eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped},
		},
		{
			method: "POST", pattern: "/dash/user/impersonate", scope: usersWrite, handle: s.impersonateUser, section: "4",
			command: "UserImpersonate", events: []eventlog.Type{eventlog.SessionCreated, eventlog.UserImpersonated},
		},
		{
			method: "POST", pattern: "/dash/unlink-account", scope: usersWrite, handle: s.unlinkAccount, section: "17",
			command: "AccountUnlink", events: []eventlog.Type{eventlog.AccountUnlinked, eventlog.OAuthUnlinked},
		},
	}
}

func (s *Server) sessionRoutes() []route {
	one := []eventlog.Type{eventlog.SessionRevoked, eventlog.UserImpersonationStopped}
	all := []eventlog.Type{eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped}
	any := []eventlog.Type{eventlog.SessionRevoked, eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped}
	return []route{
		{method: "GET", pattern: "/dash/sessions", scope: usersRead, handle: s.listSessions, section: "5"},
		{method: "GET", pattern: "/dash/list-all-sessions", scope: usersRead, handle: s.listSessionsOfUsers, section: "5"},
		{
			method: "DELETE", pattern: "/dash/sessions", scope: usersWrite, handle: s.deleteSessions, section: "5",
			aliases: []string{"POST /dash/delete-sessions"}, command: "SessionsDelete", events: any, bodyOptional: true,
		},
		{
			method: "POST", pattern: "/dash/session/revoke", scope: usersWrite, handle: s.revokeSession, section: "5",
			aliases: []string{"POST /dash/sessions/revoke"}, command: "SessionRevoke", events: one, bodyOptional: true,
		},
		{
			method: "POST", pattern: "/dash/sessions/revoke-all", scope: usersWrite, handle: s.revokeAllSessions, section: "5",
			command: "SessionsRevokeAll", events: all, anyTarget: true,
		},
		{
			method: "POST", pattern: "/dash/sessions/revoke-many", scope: usersWrite, handle: s.revokeManySessions, section: "17",
			command: "SessionsRevokeMany", events: any, bodyOptional: true,
		},
	}
}

func (s *Server) twoFactorRoutes() []route {
	table := []route{
		{
			method: "POST", pattern: "/dash/user/2fa/enable", scope: usersWrite, handle: s.enableTwoFactor, section: "15",
			aliases: []string{"POST /dash/enable-two-factor"}, command: "TwoFactorEnable", events: []eventlog.Type{eventlog.TwoFactorEnabled},
		},
		{
			method: "POST", pattern: "/dash/user/2fa/disable", scope: usersWrite, handle: s.disableTwoFactor, section: "15",
			aliases: []string{"POST /dash/disable-two-factor"}, command: "TwoFactorDisable", events: []eventlog.Type{eventlog.TwoFactorDisabled},
			whenOff: refusal("Two-factor authentication is not enabled"),
		},
		{
			method: "POST", pattern: "/dash/complete-two-factor-setup", scope: usersWrite, handle: s.completeTwoFactor, section: "17",
			command: "TwoFactorComplete", events: []eventlog.Type{eventlog.TwoFactorEnabled},
		},
		{
			method: "GET", pattern: "/dash/user/2fa/totp-uri", scope: usersWrite, handle: s.totpURI, section: "15",
			aliases: []string{"POST /dash/view-two-factor-totp-uri"}, present: secretsAreNow,
		},
		{
			method: "GET", pattern: "/dash/user/2fa/backup-codes", scope: usersWrite, handle: s.viewBackupCodes, section: "15",
			aliases: []string{"POST /dash/view-backup-codes"}, present: secretsAreNow,
		},
		{
			method: "POST", pattern: "/dash/user/2fa/backup-codes/generate", scope: usersWrite, handle: s.generateBackupCodes, section: "15",
			aliases: []string{"POST /dash/generate-backup-codes"}, command: "BackupCodesGenerate",
			events: []eventlog.Type{eventlog.TwoFactorBackupCodesGenerated},
		},
	}
	for i := range table {
		table[i].feature, table[i].bodyOptional = TwoFactor, true
	}
	return table
}
