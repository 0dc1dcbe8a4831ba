// Where the hub is, who asks, and where its files are kept: the environment variables and the login of Hugging Face's own tools.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { expandPath, readText } from '../schema/index.js'

/** Where the hub is, and what it is asked with. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  endpoint: string
  /** Sent to the hub alone. */
  token?: string
  /** Where the token is from, as errors name it. */
  tokenFrom?: string
  /** Cache folder; laid out as Hugging Face's tools do, so that it is shared with them. */
  cache: string
  /** True: the network is not used. */
  offline: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

const isSet = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? '')
const cleaned = (token: string): string => token.replace(/[\r\n]/g, '').trim()

/** HF_TOKEN or its older name, or else what `hf auth login` stored. */
function findToken(environment: Environment, home: string): Pick<HubSettings, 'token' | 'tokenFrom'> {
  if (isSet(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return {}
  const name = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'].find((each) => environment[each])
  const stored = expandPath(environment.HF_TOKEN_PATH || join(home, 'token'))
  const given = name ? environment[name]! : existsSync(stored) ? readText(stored) : ''
  const token = cleaned(given)
  return token ? { token, tokenFrom: name ?? stored } : {}
}

/**
 * HF_ENDPOINT, HF_TOKEN or the stored token (HF_TOKEN_PATH), HF_HUB_CACHE or HF_HOME, HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE; as
 * huggingface_hub 2.4 reads them.
 * @throws UserError for an endpoint that is no address, or a stored token that cannot be read
 */
export function readSettings(environment: Environment = process.env): HubSettings {
  const { HF_ENDPOINT, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment
  const endpoint = (HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new UserError(`HF_ENDPOINT must be an address such as https://host; got ${JSON.stringify(HF_ENDPOINT)}`)
  }
  const home = expandPath(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'))
  return {
    endpoint,
    ...findToken(environment, home),
    cache: expandPath(HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, 'hub')),
    offline: isSet(environment.HF_HUB_OFFLINE || environment.TRANSFORMERS_OFFLINE),
  }
}
