// Names of a parameter-lite encoder in configurations.

/** The entry of config.json, and of adapter_config.json. */
export const PARAMETER_LITE = 'parameter_lite'
/** The `peft_type` of a folder that holds these tensors alone. peft does not know it. */
export const LITE_TYPE = 'PARAMETER_LITE'
