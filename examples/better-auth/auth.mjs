import { dash } from "@better-auth/infra";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { admin, organization, twoFactor } from "better-auth/plugins";

/**
 * Makes the application's Better Auth instance.
 *
 * The one line that concerns dashd is dash(): it sends an event to apiUrl for
 * each thing that happens here, and adds the endpoints under /api/auth/events.
 *
 * @param {object} options
 * @param {string} options.baseURL where browsers reach this application
 * @param {string} options.secret signs the session cookies
 * @param {string} options.dashdUrl a node of dashd
 * @param {string} options.dashdApiKey a key of the dashd project
 * @param {(mail: {to: string, subject: string, link: string, token: string}) => void} options.sendMail
 */
export function createAuth({ baseURL, secret, dashdUrl, dashdApiKey, sendMail }) {
  // Gone when the process ends. A real application has a database here.
  const tables = {
    user: [],
    session: [],
    account: [],
    verification: [],
    twoFactor: [],
    organization: [],
    member: [],
    invitation: [],
    team: [],
    teamMember: [],
  };

  return betterAuth({
    baseURL,
    secret,
    database: memoryAdapter(tables),

    emailAndPassword: {
      enabled: true,
      sendResetPassword: async ({ user, url, token }) =>
        sendMail({ to: user.email, subject: "Choose a new password", link: url, token }),
    },
    emailVerification: {
      sendVerificationEmail: async ({ user, url, token }) =>
        sendMail({ to: user.email, subject: "Verify your address", link: url, token }),
    },
    user: { deleteUser: { enabled: true } },

    // The first user to sign up is the administrator.
    databaseHooks: {
      user: {
        create: {
          before: async (user) => {
            if (tables.user.length === 0) return { data: { ...user, role: "admin" } };
          },
        },
      },
    },

    // Without this the plugin sends no addresses. Name only a header that a
    // proxy of yours overwrites: what clients send in it is what you will see.
    advanced: { ipAddress: { ipAddressHeaders: ["x-forwarded-for"] } },

    plugins: [
      admin(),
      organization({
        teams: { enabled: true },
        sendInvitationEmail: async ({ id, email, organization }) =>
          sendMail({
            to: email,
            subject: `Join ${organization.name}`,
            link: `${baseURL}/invitations/${id}`,
            token: id,
          }),
      }),
      twoFactor(),
      dash({ apiUrl: dashdUrl, apiKey: dashdApiKey }),
    ],
  });
}
