# Runs PROGRAM with ARGUMENTS. It must end with status 0, and its last line must be `result: {`, a "KEY" whose number
# matches VALUE as a whole among others, and `}`.
separate_arguments(arguments UNIX_COMMAND "${ARGUMENTS}")
execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE out ECHO_OUTPUT_VARIABLE RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: ended with ${status}")
endif()
if(NOT out MATCHES "\nresult: {([^\n]*, )?\"${KEY}\": (${VALUE})[,}][^\n]*\n$")
    message(FATAL_ERROR "${PROGRAM}: expected a last line 'result: {...}' whose ${KEY} matches '${VALUE}'")
endif()
