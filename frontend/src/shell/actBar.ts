import { onScopeDispose, ref, toValue, watchEffect, type MaybeRefOrGetter } from 'vue';

/** Whether the view has a bar of its own at the bottom of a phone, in place of the menu. */
export const hasActBar = ref(false);

/** Keeps toasts above a bar with buttons, which is higher than the menu. */
function liftToasts(isHigh: boolean): void {
  document.documentElement.style.setProperty('--toast-base', isHigh ? '8.5rem' : null);
}

/** Says that the view has its own bar at the bottom, while it does. */
export function useActBar(isShown: MaybeRefOrGetter<boolean>): void {
  const stop = watchEffect(() => {
    hasActBar.value = toValue(isShown);
    liftToasts(hasActBar.value);
  });
  onScopeDispose(() => {
    stop();
    hasActBar.value = false;
    liftToasts(false);
  });
}
