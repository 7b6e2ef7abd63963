import { onScopeDispose, ref, toValue, watchEffect, type MaybeRefOrGetter } from 'vue';

/** Whether the view has a bar of its own at the bottom of a phone, in place of the menu. */
export const hasActBar = ref(false);

/** Says that the view has its own bar at the bottom, while it does. */
export function useActBar(isShown: MaybeRefOrGetter<boolean>): void {
  const stop = watchEffect(() => {
    hasActBar.value = toValue(isShown);
  });
  onScopeDispose(() => {
    stop();
    hasActBar.value = false;
  });
}
