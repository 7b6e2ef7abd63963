import { readonly, ref, type DeepReadonly, type Ref } from 'vue';

/** How long a toast stays unless the pointer or the focus is on it, in milliseconds. */
export const TOAST_TIME = 6000;

export interface Toast {
  text: string;
  /** A real command, as 되돌리기. */
  action?: { label: string; run: () => void } | undefined;
}

export interface Toasts {
  /** The toast on the page. There is one at a time. */
  current: DeepReadonly<Ref<(Toast & { id: number }) | null>>;
  /** Shows a toast in place of the one before. */
  show: (toast: Toast | string) => void;
  dismiss: () => void;
  /** Keeps the toast until `resume`. */
  pause: () => void;
  resume: () => void;
}

const current = ref<(Toast & { id: number }) | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;
let count = 0;

function dismiss(): void {
  clearTimeout(timer);
  current.value = null;
}

function pause(): void {
  clearTimeout(timer);
}

function resume(): void {
  clearTimeout(timer);
  if (current.value) timer = setTimeout(dismiss, TOAST_TIME);
}

function show(toast: Toast | string): void {
  count += 1;
  current.value = { ...(typeof toast === 'string' ? { text: toast } : toast), id: count };
  resume();
}

/** The toasts of the page. `Toasts.vue` shows them. */
export function useToasts(): Toasts {
  return { current: readonly(current), show, dismiss, pause, resume };
}
