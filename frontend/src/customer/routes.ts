import type { RouteRecordRaw } from 'vue-router';
import { language } from '@/texts/texts';
import { customerTexts } from './texts';

/** The title of a view, as its entry of the menu has it. */
const titled = (key: keyof typeof customerTexts.ko) => ({
  title: () => customerTexts[language.value][key],
});

const onlyCustomers = { roles: ['customer'] } as const;

export const customerRoutes: RouteRecordRaw = {
  path: '/customer',
  component: () => import('./CustomerShell.vue'),
  children: [
    // Programmes are public.
    {
      path: '',
      component: () => import('./programmes/ProgrammeList.vue'),
      meta: titled('programmes'),
    },
    {
      path: 'projects/:id',
      component: () => import('./programmes/ProgrammeDetail.vue'),
      meta: titled('programmes'),
    },
    {
      path: 'projects/:id/consultation',
      component: () => import('./consultations/RequestConsultation.vue'),
      meta: { ...onlyCustomers, ...titled('consultations') },
    },
    {
      path: 'interests',
      component: () => import('./interests/Interests.vue'),
      meta: { ...onlyCustomers, ...titled('interests') },
    },
    {
      path: 'consultations',
      component: () => import('./consultations/Consultations.vue'),
      meta: { ...onlyCustomers, ...titled('consultations') },
    },
    {
      path: 'consultations/:id/edit',
      component: () => import('./consultations/EditConsultation.vue'),
      meta: { ...onlyCustomers, ...titled('consultations') },
    },
    {
      path: 'notifications',
      component: () => import('./notifications/Notifications.vue'),
      meta: { ...onlyCustomers, ...titled('notifications') },
    },
    {
      path: 'me',
      component: () => import('./me/Me.vue'),
      meta: { ...onlyCustomers, ...titled('me') },
    },
  ],
};
