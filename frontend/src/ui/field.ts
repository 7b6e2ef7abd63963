import { computed, inject, useId, type ComputedRef, type InjectionKey } from 'vue';

/** What a control needs to know of the field around it. */
export interface FieldContext {
  id: string;
  describedBy: ComputedRef<string | undefined>;
  invalid: ComputedRef<boolean>;
  required: ComputedRef<boolean>;
}

export const fieldKey: InjectionKey<FieldContext> = Symbol('field');

/** Attributes that connect a control to the label, hint and error of its `Field`. */
export function useField(): ComputedRef<{
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
  'aria-required': true | undefined;
}> {
  const field = inject(fieldKey, undefined);
  const ownId = useId();
  return computed(() => ({
    id: field?.id ?? ownId,
    'aria-describedby': field?.describedBy.value,
    'aria-invalid': field?.invalid.value || undefined,
    'aria-required': field?.required.value || undefined,
  }));
}
