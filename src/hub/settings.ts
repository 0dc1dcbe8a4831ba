// Where the hub is, who asks, and where its files are kept: the environment variables of Hugging Face's own tools.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'

export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  endpoint: string
  token?: string
  /** Cache folder; laid out as Hugging Face's tools do, so that it is shared with them. */
  cache: string
  /** True: the network is not used. */
  offline: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE or HF_HOME, HF_HUB_OFFLINE. @throws UserError for an endpoint that is no address */
export function readSettings(environment: Environment = process.env): HubSettings {
  const { HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_HUB_OFFLINE } = environment
  const endpoint = (HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new UserError(`HF_ENDPOINT must be an address such as https://host, got ${JSON.stringify(HF_ENDPOINT)}`)
  }
  if (HF_TOKEN && !HF_TOKEN.startsWith('hf_'))
    throw new UserError('HF_TOKEN must start with hf_, as the access tokens of the hub do')
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  return {
    endpoint,
    ...(HF_TOKEN && { token: HF_TOKEN }),
    cache: HF_HUB_CACHE || join(home, 'hub'),
    offline: /^(1|true|yes|on)$/i.test(HF_HUB_OFFLINE ?? ''),
  }
}
