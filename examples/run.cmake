# Runs PROGRAM with ARGUMENTS. It must end with status 0, and one line must be `result: {"KEY": ` and what matches VALUE.
separate_arguments(arguments UNIX_COMMAND "${ARGUMENTS}")
execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE out ECHO_OUTPUT_VARIABLE RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: ended with ${status}")
endif()
if(NOT out MATCHES "\nresult: {\"${KEY}\": (${VALUE})")
    message(FATAL_ERROR "${PROGRAM}: expected a line that matches 'result: {\"${KEY}\": (${VALUE})'")
endif()
