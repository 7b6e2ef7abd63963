import { nextTick, reactive, ref, type Ref } from 'vue';
import { idempotencyKey } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';

/** A wrong field: its name in the form and the sentence beside it. */
export interface WrongField {
  name: string;
  message: string;
}

/** What a form is made of, besides its fields. */
export interface Form<T extends object> {
  values: T;
  /** The sentence of each wrong field. */
  errors: Partial<Record<string, string>>;
  /** The wrong fields in the order of the form, after an attempt to send it. */
  wrong: Ref<WrongField[]>;
  /** A refusal that is about no field. */
  problem: Ref<ApiError | undefined>;
  isBusy: Ref<boolean>;
  /** Whether something was typed since the form was opened or reset. */
  isDirty: () => boolean;
  submit: () => Promise<void>;
  /** Checks one field, when it is left. */
  check: (name: keyof T & string) => void;
  /** The error of a field goes while it is typed in. */
  clear: (name: keyof T & string) => void;
  /** Begins again with these values. */
  reset: (values?: Partial<T>) => void;
}

interface Options<T extends object> {
  initial: T;
  /** The sentence for each field that is wrong. Pure. */
  validate?: (values: T) => Partial<Record<keyof T & string, string>>;
  /** Sends the values. `key` is the same for each attempt with the same values. */
  send: (values: T, key: string) => Promise<void>;
  /** The field of a JSON pointer of the server, where the names differ. */
  fieldOf?: (pointer: string) => string;
}

/**
 * One form: its values, errors by field, and its sending. Errors of the server go to their fields,
 * and the focus goes to the first wrong one. The control of a field has its name as id.
 */
export function useForm<T extends object>(options: Options<T>): Form<T> {
  const values = reactive({ ...options.initial }) as T;
  const errors = reactive<Partial<Record<string, string>>>({});
  const wrong = ref<WrongField[]>([]);
  const problem = ref<ApiError>();
  const isBusy = ref(false);
  let initial = JSON.stringify(values);
  let sent: { body: string; key: string } | undefined;

  const show = (found: Partial<Record<string, string>>): void => {
    for (const name of Object.keys(errors)) delete errors[name];
    Object.assign(errors, found);
    wrong.value = Object.entries(found).map(([name, message]) => ({
      name,
      message: message ?? '',
    }));
    void nextTick(() => {
      const first = [...document.querySelectorAll<HTMLElement>('[aria-invalid="true"]')][0];
      first?.focus();
    });
  };

  const fieldOf = options.fieldOf ?? ((pointer: string) => pointer.split('/')[1] ?? '');

  const refuse = (error: ApiError): void => {
    // The sign-in over the page says it, and it is no longer true after that.
    if (error.slug === 'sign-in-required') return;
    const found: Partial<Record<string, string>> = {};
    for (const { pointer, message } of error.fields) {
      const name = fieldOf(pointer);
      if (name in values) found[name] ??= message;
    }
    if (Object.keys(found).length > 0) show(found);
    else problem.value = error;
  };

  const submit = async (): Promise<void> => {
    if (isBusy.value) return;
    problem.value = undefined;
    const found = options.validate?.(values) ?? {};
    show(found);
    if (Object.keys(found).length > 0) return;
    const body = JSON.stringify(values);
    if (sent?.body !== body) sent = { body, key: idempotencyKey() };
    isBusy.value = true;
    try {
      await options.send(values, sent.key);
      sent = undefined;
      initial = body;
    } catch (error) {
      refuse(asApiError(error));
    } finally {
      isBusy.value = false;
    }
  };

  const check = (name: keyof T & string): void => {
    const message = options.validate?.(values)[name];
    if (message) errors[name] = message;
    else delete errors[name];
  };

  const clear = (name: keyof T & string): void => {
    delete errors[name];
    wrong.value = wrong.value.filter((field) => field.name !== name);
  };

  const reset = (next?: Partial<T>): void => {
    Object.assign(values, options.initial, next);
    initial = JSON.stringify(values);
    show({});
    problem.value = undefined;
  };

  const isDirty = (): boolean => JSON.stringify(values) !== initial;

  return { values, errors, wrong, problem, isBusy, isDirty, submit, check, clear, reset };
}
