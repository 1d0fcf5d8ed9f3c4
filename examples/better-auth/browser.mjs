/**
 * A visitor's browser, as far as the application can tell: it keeps cookies,
 * says where it comes from, and has an address and a user agent. Paths are those
 * of Better Auth, as in "/sign-out".
 */
export class Browser {
  #api;
  #headers;
  #cookies = new Map();

  /**
   * @param {string} app URL of the application
   * @param {{address: string, country?: string, userAgent?: string}} visitor
   */
  constructor(app, { address, country, userAgent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" }) {
    this.#api = `${app}/api/auth`;
    this.#headers = { origin: app, "user-agent": userAgent, "x-forwarded-for": address };
    if (country) this.#headers["cf-ipcountry"] = country;
  }

  /** The cookies as the header that a browser would send. */
  get cookie() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  get(path) {
    return this.#fetch(path, { method: "GET" });
  }

  post(path, body = {}) {
    return this.#fetch(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  }

  /** Like post, for a request that the application must refuse with status. */
  async refused(status, path, body) {
    const answer = await this.post(path, body).catch((err) => err);
    if (answer.status !== status) {
      throw new Error(`POST ${path}: expected ${status}, got ${answer.status ?? "success"}`);
    }
  }

  async #fetch(path, { headers, ...init }) {
    const res = await fetch(this.#api + path, {
      ...init,
      headers: { ...this.#headers, cookie: this.cookie, ...headers },
      redirect: "manual",
    });
    for (const cookie of res.headers.getSetCookie()) this.#keep(cookie);
    const text = await res.text();
    if (res.status >= 400) {
      throw Object.assign(new Error(`${init.method} ${path}: ${res.status} ${text}`), { status: res.status });
    }
    return text && res.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
  }

  #keep(cookie) {
    const [pair, ...attributes] = cookie.split(";");
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    const value = pair.slice(at + 1);
    if (value === "" || attributes.some((a) => /^\s*max-age=0$/i.test(a))) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
